"""Estimates the noise ceiling from replicates: the highest correlation that noise in the measurements allows."""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from dreamkeras.statistics.correlation import pearson

__all__ = ["NoiseCeiling", "noise_ceiling", "task_ceilings"]


class NoiseCeiling(NamedTuple):
    """Noise ceiling of a measurement, estimated from replicates.

    Args:
        replicate_r: Mean Pearson's r over all pairs of replicates.
        ceiling_r: Pearson's r between the predictions of a perfect model and the mean of the replicates.
    """

    replicate_r: float
    ceiling_r: float


def task_ceilings(replicates: np.ndarray | None, tasks: Iterable[str]) -> dict[str, NoiseCeiling]:
    """Computes the noise ceiling of each task.

    Args:
        replicates: Measurements (n, tasks, k). Missing values are NaN. If None, an empty dictionary is returned.
        tasks: Names of the tasks.
    """
    if replicates is None:
        return {}
    return {task: noise_ceiling(replicates[:, column].astype(np.float64)) for column, task in enumerate(tasks)}


def noise_ceiling(replicates: np.ndarray) -> NoiseCeiling:
    """Computes the noise ceiling for the mean of replicates.

    The noise is assumed to be independent between replicates, and to have the same variance in all replicates.

    If rho is the mean r over all pairs of replicates, the mean of k replicates has the reliability k rho / (1 + (k - 1) rho) (Spearman
    1910; Brown 1910). The correlation of the mean of the replicates with the true value is the square root of the reliability (correction
    for attenuation, Spearman 1904). The r of a pair is computed from the rows in which both replicates are present. The value of k is the
    mean number of replicates in rows with at least one replicate.

    Args:
        replicates: Measurements (n, k). Missing values are NaN.

    Returns:
        The noise ceiling. The fields are NaN if r is undefined for all pairs of replicates. `ceiling_r` is also NaN if rho is negative.

    Example:
        >>> ceiling = noise_ceiling(np.array([[1, 1], [2, 3], [3, 2], [4, 4]]))
        >>> round(ceiling.replicate_r, 3), round(ceiling.ceiling_r, 3)
        (0.8, 0.943)
    """
    present = ~np.isnan(replicates)
    pairs = [present[:, one] & present[:, other] for one, other in combinations(range(replicates.shape[1]), 2)]
    columns = combinations(replicates.T, 2)
    r = np.array([pearson(one[rows], other[rows]) for (one, other), rows in zip(columns, pairs, strict=True)])
    r = r[~np.isnan(r)]  # r is undefined if the replicates of a pair have no common rows or are constant
    if not len(r):
        return NoiseCeiling(float("nan"), float("nan"))
    rho = float(r.mean())
    counts = present.sum(axis=1)
    k = counts[counts > 0].mean()
    return NoiseCeiling(rho, float(np.sqrt(k * rho / (1 + (k - 1) * rho))) if rho >= 0 else float("nan"))
