"""How well any model could do on noisy measurements: what their replicates say of one another. numpy only."""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from dreamkeras.statistics.correlation import pearson

__all__ = ["NoiseCeiling", "noise_ceiling", "task_ceilings"]


class NoiseCeiling(NamedTuple):
    """The reliability of a measurement, from its replicates.

    Args:
        replicate_r: Mean Pearson's r between two replicates.
        ceiling_r: The r that a model without any error would have with the mean of the replicates.
    """

    replicate_r: float
    ceiling_r: float


def task_ceilings(replicates: np.ndarray | None, tasks: Iterable[str]) -> dict[str, NoiseCeiling]:
    """The noise ceiling of each task; none where replicates are unknown.

    Args:
        replicates: Numbers (n, tasks, k), NaN where one is missing; or None.
        tasks: Their names.
    """
    if replicates is None:
        return {}
    return {task: noise_ceiling(replicates[:, column].astype(np.float64)) for column, task in enumerate(tasks)}


def noise_ceiling(replicates: np.ndarray) -> NoiseCeiling:
    """The noise ceiling of values that are means of replicates, whose noise is independent and alike.

    With rho the mean r over all pairs of replicates, the mean of k of them has the reliability k rho / (1 + (k - 1) rho)
    (Spearman 1910; Brown 1910), and correlates with what it measures by the root of that (Spearman 1904, the correction for
    attenuation). A row counts for the pairs it has both replicates of; k is the mean number a row has, over rows with any.

    Args:
        replicates: Numbers (n, k), NaN where one is missing.

    Returns:
        Both NaN where no pair correlates; the ceiling alone where rho is below 0.

    Example:
        >>> ceiling = noise_ceiling(np.array([[1, 1], [2, 3], [3, 2], [4, 4]]))
        >>> round(ceiling.replicate_r, 3), round(ceiling.ceiling_r, 3)
        (0.8, 0.943)
    """
    present = ~np.isnan(replicates)
    pairs = [present[:, one] & present[:, other] for one, other in combinations(range(replicates.shape[1]), 2)]
    columns = combinations(replicates.T, 2)
    r = np.array([pearson(one[rows], other[rows]) for (one, other), rows in zip(columns, pairs, strict=True)])
    r = r[~np.isnan(r)]  # a replicate that is missing or constant says nothing
    if not len(r):
        return NoiseCeiling(float("nan"), float("nan"))
    rho = float(r.mean())
    counts = present.sum(axis=1)
    k = counts[counts > 0].mean()
    return NoiseCeiling(rho, float(np.sqrt(k * rho / (1 + (k - 1) * rho))) if rho >= 0 else float("nan"))
