"""Computes the score of the Random Promoter DREAM Challenge (Rafi et al. 2024).

The score is a weighted mean of r squared, or of rho, over nine test subsets.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.evaluation.subsets import SUBSETS
from dreamkeras.statistics.bootstrap import DRAWS, Interval
from dreamkeras.statistics.resampling import resample_figures, with_intervals

__all__ = ["PUBLISHED", "DreamScore", "SubsetScore", "dream_score"]


class SubsetScore(NamedTuple):
    """Correlations of a model on one subset.

    Args:
        subset: Key of `SUBSETS`.
        n: Number of sequences, or of pairs of sequences, in the subset.
        weight: Weight of the subset in the score.
        r: Pearson's r with a 95 % interval. The score of the DREAM Challenge uses r squared.
        rho: Spearman's rho with a 95 % interval.
    """

    subset: str
    n: int
    weight: float
    r: Interval
    rho: Interval


class DreamScore(NamedTuple):
    """Score of a model.

    Args:
        parts: Correlations on each subset, in the order of `SUBSETS`.
        pearson: Weighted mean of r squared over subsets.
        spearman: Weighted mean of rho over subsets.
        missing: Subsets whose file is missing or whose correlation is undefined. If subsets are missing, the scores are means over the
            other subsets and are not comparable with scores of the DREAM Challenge.
    """

    parts: tuple[SubsetScore, ...]
    pearson: float
    spearman: float
    missing: tuple[str, ...]


PUBLISHED = {
    "autosome (winner)": (0.8184, 0.8541),
    "DREAM-CNN": (0.822, None),
    "DREAM-RNN": (0.815, None),
    "best before the challenge": (0.6953, None),
}
"""Published Pearson and Spearman scores on the private test set with all nine subsets (Rafi et al. 2024).

Values with three digits were read from the figures of the paper.
"""


def dream_score(
    measured: ArrayLike, predicted: ArrayLike, subsets: Mapping[str, np.ndarray], draws: int = DRAWS, seed: int = 0
) -> list[DreamScore]:
    """Computes the DREAM Challenge scores of several models on the same test set.

    Args:
        measured: Measurements (n,) in any unit, because correlations do not depend on the unit.
        predicted: Predictions (models, n).
        subsets: Row numbers (k,) or pairs of row numbers (k, 2) of each subset, by name of the subset. `read_subsets` returns such a
            dictionary.
        draws: Number of bootstrap resamples for the intervals.
        seed: Random seed for the resamples.

    Raises:
        InputError: A subset is unknown, or has fewer than two sequences or pairs.
    """
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    parts = [_parts(name, rows, measured, predicted, draws, seed) for name, rows in subsets.items()]
    return [_score([of_models[model] for of_models in parts]) for model in range(len(predicted))]


def _parts(name: str, rows: np.ndarray, measured: np.ndarray, predicted: np.ndarray, draws: int, seed: int) -> list[SubsetScore]:
    """Computes the correlations of each model on one subset."""
    if name not in SUBSETS:
        raise InputError(f"Expected each subset to be one of {', '.join(SUBSETS)}, got {name!r}.")
    if len(rows) < 2:
        raise InputError(f"Expected at least 2 {'pairs of ' if rows.ndim == 2 else ''}sequences in the subset {name!r}, got {len(rows)}.")
    if rows.ndim == 2:
        alternative, reference = rows.T
        measured, predicted = measured[alternative] - measured[reference], predicted[:, alternative] - predicted[:, reference]
    else:
        measured, predicted = measured[rows], predicted[:, rows]
    figures = with_intervals(measured, predicted, resample_figures(measured, predicted, draws, seed))
    return [SubsetScore(name, model.n, SUBSETS[name].weight, model.r, model.rho) for model in figures]


def _score(parts: list[SubsetScore]) -> DreamScore:
    defined = [part for part in parts if np.isfinite(part.r.value)]
    if not defined:
        return DreamScore(tuple(parts), float("nan"), float("nan"), tuple(SUBSETS))
    weights = np.array([part.weight for part in defined])
    squares, ranks = np.array([part.r.value**2 for part in defined]), np.array([part.rho.value for part in defined])
    missing = tuple(name for name in SUBSETS if name not in {part.subset for part in defined})
    return DreamScore(tuple(parts), float(weights @ squares / weights.sum()), float(weights @ ranks / weights.sum()), missing)
