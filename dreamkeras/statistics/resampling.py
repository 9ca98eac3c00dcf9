"""Resamples of `FIGURES`, and of their differences between models: how far they would vary over other draws of the same sequences.

The ranks of a resample come from how often each value was drawn, so that nothing is sorted again. NumPy only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.statistics.bootstrap import DRAWS, Interval, interval, resample_pearson, resampled_counts
from dreamkeras.statistics.correlation import FIGURES

__all__ = ["Figures", "figure_differences", "resample_figures", "with_intervals"]


class Figures(NamedTuple):
    """How well one model predicts one task.

    Args:
        n: Sequences, or pairs of them.
        r: Pearson's.
        rho: Spearman's.
        mse: Mean squared difference, in the square of the task's units.
    """

    n: int
    r: Interval
    rho: Interval
    mse: Interval


def resample_figures(measured: ArrayLike, predicted: ArrayLike, draws: int = DRAWS, seed: int = 0) -> dict[str, np.ndarray]:
    """The figures of several models on resamples of the sequences, the same resamples for all figures and models.

    Args:
        measured: Numbers (n,).
        predicted: Numbers (models, n).
        draws: Resamples, each n sequences with replacement.
        seed: Which resamples; those of one seed and n are always the same.

    Returns:
        By the names of `FIGURES`, float64 (draws, models); NaN where a figure is undefined.

    Raises:
        InputError: The shapes do not go together, there is no sequence, or `draws` is below 1.

    Example:
        >>> samples = resample_figures([1, 2, 3, 4], [[1, 2, 3, 5]], draws=2)
        >>> {name: values.shape for name, values in samples.items()}
        {'r': (2, 1), 'rho': (2, 1), 'mse': (2, 1)}
    """
    r = resample_pearson(measured, predicted, draws, seed)  # looks at shapes and draws, too
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.ndim != 1:
        raise InputError(f"Expected the values of one task, (n,), got shape {measured.shape}.")
    squares = np.square(predicted - measured).T
    rho, mse = np.empty_like(r), np.empty_like(r)
    measured_groups, groups = _groups(measured), [_groups(model) for model in predicted]
    undefined = [not np.isfinite(model).all() for model in (measured, *predicted)]
    done = 0
    for counts in resampled_counts(len(measured), draws, seed):
        rows = slice(done, done + len(counts))
        mse[rows] = counts @ squares / len(measured)
        rho[rows] = [_rank_correlations(drawn, measured_groups, groups) for drawn in counts]
        done += len(counts)
    rho[:, np.array(undefined[1:]) | undefined[0]] = np.nan
    return {"r": r, "rho": rho, "mse": mse}


def with_intervals(measured: ArrayLike, predicted: ArrayLike, samples: dict[str, np.ndarray]) -> list[Figures]:
    """Each model's figures on the sequences themselves, with the 95 % intervals of their resamples.

    Args:
        measured: Numbers (n,).
        predicted: Numbers (models, n).
        samples: Those of `resample_figures` for them.
    """
    found = []
    for model, values in enumerate(np.asarray(predicted, np.float64)):
        bounds = {name: interval(samples[name][:, model]) for name in FIGURES}
        figures = {name: Interval(float(figure(measured, values)), *map(float, bounds[name])) for name, figure in FIGURES.items()}
        found.append(Figures(n=len(values), **figures))
    return found


def figure_differences(
    measured: ArrayLike, first: ArrayLike, second: ArrayLike, samples: dict[str, np.ndarray], models: tuple[int, int]
) -> dict[str, Interval]:
    """How much higher each figure of one model is than another's, with 95 % intervals from the same resamples.

    Args:
        measured: Numbers (n,).
        first: Numbers (n,), of one model.
        second: Numbers (n,), of the other.
        samples: Those of `resample_figures` for both.
        models: Columns of the two in `samples`.
    """
    one, other = models
    return {
        name: Interval(
            float(figure(measured, first) - figure(measured, second)),
            *map(float, interval(samples[name][:, one] - samples[name][:, other])),
        )
        for name, figure in FIGURES.items()
    }


def _groups(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The place of each value among the different ones, and how many those are."""
    different, places = np.unique(values, return_inverse=True)
    return places, len(different)


def _ranks(drawn: np.ndarray, places: np.ndarray, different: int) -> np.ndarray:
    """float64 (n,): the mean rank in the resample of each value, equal ones sharing theirs, around 0."""
    totals = np.bincount(places, weights=drawn, minlength=different)
    middle = np.cumsum(totals) - (totals + len(drawn)) / 2
    return middle[places]


def _rank_correlations(drawn: np.ndarray, measured: tuple[np.ndarray, int], models: list[tuple[np.ndarray, int]]) -> list[float]:
    """Pearson's r of the ranks of a resample, whose mean is 0; NaN where all are the same."""
    y = _ranks(drawn, *measured)
    spread, found = _sum_of_products(drawn, y, y), []
    for places, different in models:
        x = _ranks(drawn, places, different)
        total = np.sqrt(spread * _sum_of_products(drawn, x, x))
        found.append(float(np.clip(_sum_of_products(drawn, x, y) / total, -1, 1)) if total else np.nan)
    return found


def _sum_of_products(*columns: np.ndarray) -> float:
    """Without BLAS, which would call all threads for a millisecond's work."""
    return float(np.einsum("i,i,i", *columns))
