"""Computes bootstrap intervals for all metrics in `FIGURES` and for differences between models, by resampling the sequences.

Ranks within a resample are computed from the counts of each value, without sorting. The only dependency is NumPy.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.statistics.bootstrap import DRAWS, Interval, interval, resample_pearson, resampled_counts
from dreamkeras.statistics.correlation import FIGURES

__all__ = ["Figures", "figure_differences", "resample_figures", "with_intervals"]


class Figures(NamedTuple):
    """Metrics of one model on one task.

    Args:
        n: Number of sequences, or of pairs of sequences.
        r: Pearson's r.
        rho: Spearman's rho.
        mse: Mean squared error, in squared units of the task.
    """

    n: int
    r: Interval
    rho: Interval
    mse: Interval


def resample_figures(measured: ArrayLike, predicted: ArrayLike, draws: int = DRAWS, seed: int = 0) -> dict[str, np.ndarray]:
    """Computes the metrics of several models on resamples of the sequences. All metrics and models use the same resamples.

    Args:
        measured: Measurements (n,).
        predicted: Predictions (models, n).
        draws: Number of resamples. Each resample has n sequences, drawn with replacement.
        seed: Random seed. The same seed and number of sequences always give the same resamples.

    Returns:
        Dictionary with an array float64 (draws, models) for each metric in `FIGURES`. An undefined value is NaN.

    Raises:
        InputError: The shapes do not match, there are no sequences, or `draws` is below 1.

    Example:
        >>> samples = resample_figures([1, 2, 3, 4], [[1, 2, 3, 5]], draws=2)
        >>> {name: values.shape for name, values in samples.items()}
        {'r': (2, 1), 'rho': (2, 1), 'mse': (2, 1)}
    """
    r = resample_pearson(measured, predicted, draws, seed)  # `resample_pearson` also checks the shapes and `draws`
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.ndim != 1:
        raise InputError(f"Expected measurements of one task, with shape (n,), got shape {measured.shape}.")
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
    """Computes the metrics of each model on the original sequences, with 95 % intervals from resamples.

    Args:
        measured: Measurements (n,).
        predicted: Predictions (models, n).
        samples: Result of `resample_figures` for the same measurements and predictions.
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
    """Computes the differences in metrics between two models, first minus second, with 95 % intervals from the same resamples.

    Args:
        measured: Measurements (n,).
        first: Predictions of the first model (n,).
        second: Predictions of the second model (n,).
        samples: Result of `resample_figures` for both models.
        models: Columns of the first and the second model in `samples`.
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
    """Returns the index of each value among the distinct values, and the number of distinct values."""
    different, places = np.unique(values, return_inverse=True)
    return places, len(different)


def _ranks(drawn: np.ndarray, places: np.ndarray, different: int) -> np.ndarray:
    """Returns the centred rank of each value within a resample, float64 (n,).

    Equal values share the mean of the ranks at their positions.
    """
    totals = np.bincount(places, weights=drawn, minlength=different)
    middle = np.cumsum(totals) - (totals + len(drawn)) / 2
    return middle[places]


def _rank_correlations(drawn: np.ndarray, measured: tuple[np.ndarray, int], models: list[tuple[np.ndarray, int]]) -> list[float]:
    """Returns, for each model, Pearson's r between the centred ranks in a resample.

    The r is NaN if all measured or predicted values are equal.
    """
    y = _ranks(drawn, *measured)
    spread, found = _sum_of_products(drawn, y, y), []
    for places, different in models:
        x = _ranks(drawn, places, different)
        total = np.sqrt(spread * _sum_of_products(drawn, x, x))
        found.append(float(np.clip(_sum_of_products(drawn, x, y) / total, -1, 1)) if total else np.nan)
    return found


def _sum_of_products(*columns: np.ndarray) -> float:
    """Returns the sum over rows of the product of all columns.

    BLAS is not used, because it would start all threads for a short computation.
    """
    return float(np.einsum("i,i,i", *columns))
