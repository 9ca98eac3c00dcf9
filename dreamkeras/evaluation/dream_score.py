"""The challenge's score: nine parts of the yeast test, each the r squared or the rho of a subset, weighted (Rafi et al. 2024)."""

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
    """How well a model does on one subset.

    Args:
        subset: A key of `SUBSETS`.
        n: Sequences, or pairs of them.
        weight: Its weight in the score.
        r: Pearson's, with its 95 % interval; the score takes its square.
        rho: Spearman's, likewise.
    """

    subset: str
    n: int
    weight: float
    r: Interval
    rho: Interval


class DreamScore(NamedTuple):
    """A model's score.

    Args:
        parts: In the order of `SUBSETS`.
        pearson: Weighted mean of the parts' r squared.
        spearman: Weighted mean of their rho.
        missing: Subsets that were not there, or without a correlation; with any, the scores are means of the others, and not the
            challenge's.
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
"""Pearson and Spearman scores on the private test, all nine subsets (Rafi et al. 2024); those of three digits are from its figures."""


def dream_score(
    measured: ArrayLike, predicted: ArrayLike, subsets: Mapping[str, np.ndarray], draws: int = DRAWS, seed: int = 0
) -> list[DreamScore]:
    """The scores of several models on the same test.

    Args:
        measured: Numbers (n,), in any unit: correlations do not depend on it.
        predicted: Numbers (models, n).
        subsets: Row numbers by name, as from `read_subsets`.
        draws: Resamples for the intervals.
        seed: Their seed.

    Raises:
        InputError: A subset is unknown, or has fewer than two sequences or pairs.
    """
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    parts = [_parts(name, rows, measured, predicted, draws, seed) for name, rows in subsets.items()]
    return [_score([of_models[model] for of_models in parts]) for model in range(len(predicted))]


def _parts(name: str, rows: np.ndarray, measured: np.ndarray, predicted: np.ndarray, draws: int, seed: int) -> list[SubsetScore]:
    """A subset's part of each model's score."""
    if name not in SUBSETS:
        raise InputError(f"Expected subsets among {', '.join(SUBSETS)}, got {name!r}.")
    if len(rows) < 2:
        raise InputError(f"Expected at least 2 sequences or pairs in the subset {name!r}, got {len(rows)}.")
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
