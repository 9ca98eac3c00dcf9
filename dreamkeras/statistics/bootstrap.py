"""The bootstrap: how far Pearson's r, and its difference between models, would vary over other draws of the same sequences.

NumPy only. Knows nothing about models: it is given their predictions.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_or_zero

__all__ = ["DRAWS", "Interval", "figure_text", "interval", "paired_differences", "resample_pearson", "resampled_counts"]

DRAWS = 1000
"""Resamples, unless asked otherwise: a bound of the interval then varies by about a tenth of its width."""

CELLS = 1 << 22
"""Counts held at once: 32 MB."""


ROUNDING = 1e-13
"""A variance below this share of the mean square is that of equal values."""


UNDEFINED = "undefined"
"""The text of a figure that is not a number."""


class Interval(NamedTuple):
    """A figure and its percentile interval.

    Args:
        value: The figure on the sequences themselves.
        low: Lower bound.
        high: Upper bound.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})" if math.isfinite(self.value) else UNDEFINED


def resample_pearson(measured: ArrayLike, predicted: ArrayLike, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Pearson's r of several models on resamples of the sequences, the same resamples for all of them.

    Args:
        measured: Numbers (n,) or (n, tasks), NaN where a task was not measured.
        predicted: Numbers (models, n) or (models, n, tasks).
        draws: Resamples, each n sequences with replacement.
        seed: Which resamples; those of one seed and n are always the same.

    Returns:
        float64 (draws, models), means over the tasks for which some model has an r in that resample; a model without one counts as
        0 there, so that all models are compared on the same tasks. NaN where a model has an r for no task, because a resample's
        values are all the same or one is not finite.

    Raises:
        InputError: The shapes do not go together, there is no sequence, or `draws` is below 1.

    Example:
        >>> resample_pearson([1, 2, 3, 4], [[1, 2, 3, 4]], draws=2).round(6).tolist()
        [[1.0], [1.0]]
    """
    measured, predicted = _checked(measured, predicted, draws)
    moments = _moments(measured, predicted)
    sums = np.concatenate([counts @ moments for counts in resampled_counts(len(measured), draws, seed)])
    return _task_means(_correlations(sums, len(measured), len(predicted), measured.shape[1]))


def resampled_counts(rows: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of so many sequences is drawn in each resample; many resamples at once, as they fit in 32 MB.

    Yields:
        float64 (resamples, rows).
    """
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS // rows)
    for first in range(0, draws, at_once):
        # Ten times faster than random.multinomial.
        counts = [np.bincount(random.integers(0, rows, rows), minlength=rows) for _ in range(min(at_once, draws - first))]
        yield np.array(counts, np.float64)


def figure_text(value: float) -> str:
    """A figure with four decimals."""
    return f"{value:.4f}" if math.isfinite(value) else UNDEFINED


def interval(samples: ArrayLike, level: float = 0.95) -> np.ndarray:
    """The percentile interval of resampled figures.

    Args:
        samples: Numbers (draws, ...).
        level: Share of the draws within.

    Returns:
        float64 (2, ...): lower and upper bounds over the draws that are defined; NaN where none is.
    """
    beyond = (1 - level) / 2
    samples, bounds = np.asarray(samples, np.float64), [beyond, 1 - beyond]
    missing = np.isnan(samples)
    if not missing.any():
        return np.quantile(samples, bounds, axis=0)
    empty = missing.all(axis=0)
    return np.where(empty, np.nan, np.nanquantile(np.where(empty, 0, samples), bounds, axis=0))


def paired_differences(
    measured: ArrayLike, predicted: ArrayLike, groups: ArrayLike, reference: int, draws: int = DRAWS, seed: int = 0
) -> dict[int, Interval]:
    """How much higher one group of models' mean r is than each other's, with 95 % intervals over the sequences.

    A group is one model trained with several seeds. The intervals tell what other sequences would change, not other seeds.

    Args:
        measured: Numbers (n,) or (n, tasks).
        predicted: Numbers (models, n) or (models, n, tasks).
        groups: Integers (models,), the group of each model.
        reference: The group that the others are compared with.
        draws: Resamples.
        seed: Which resamples.

    Returns:
        By group, the reference left out: r of the reference minus r of the group, means over tasks as in `resample_pearson`.
        Of several models of a group, one without an r counts as 0; NaN where none has one.

    Raises:
        InputError: As `resample_pearson`.
    """
    samples, groups = resample_pearson(measured, predicted, draws, seed), np.asarray(groups)
    measured, predicted = _checked(measured, predicted, draws)
    r = _task_means(np.array([[task_figures(measured, model)["r"] for model in predicted]]))
    # The figures themselves first, then those of the resamples.
    means = {int(group): mean_or_zero(np.concatenate([r, samples])[:, groups == group], axis=1) for group in np.unique(groups)}
    behind = {group: means[reference] - of_group for group, of_group in means.items() if group != reference}
    return {group: Interval(float(apart[0]), *map(float, interval(apart[1:]))) for group, apart in behind.items()}


def _checked(measured: ArrayLike, predicted: ArrayLike, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 (n, tasks) and (models, n, tasks)."""
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.ndim not in (1, 2) or not measured.size or predicted.shape[1:] != measured.shape:
        shapes = f"{measured.shape} and {predicted.shape}"
        raise InputError(f"Expected measured values (n,) or (n, tasks) and predictions (models, ...) of them, got {shapes}.")
    if draws < 1:
        raise InputError(f"Expected at least 1 draw, got {draws}.")
    return (measured, predicted) if measured.ndim == 2 else (measured[:, None], predicted[..., None])


def _moments(measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """float64 (n, columns): the terms whose sums over a resample give its correlations.

    Columns are 1, y and y squared for each task; x, x squared and x y for each model and task; all 0 where a task was not measured.
    All are centred and scaled first, so that nothing is lost where the mean is far from 0.
    """
    present = ~np.isnan(measured)
    y = _standardised(measured, present)
    x = _standardised(np.concatenate(list(predicted), axis=1), np.tile(present, len(predicted)))
    paired = np.tile(y, len(predicted))
    return np.concatenate([present, y, y * y, x, x * x, x * paired], axis=1)


def _standardised(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and largest size 1 over what is present, 0 elsewhere; NaN for a column that is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(present, values, 0).sum(0) / present.sum(0)
        centred = np.where(present, values - means, 0)
        scaled = centred / np.abs(centred).max(0)
    varying = np.where(present, values, -np.inf).max(0) != np.where(present, values, np.inf).min(0)
    return np.where(varying, scaled, np.nan)


def _correlations(sums: np.ndarray, rows: int, models: int, tasks: int) -> np.ndarray:
    """float64 (draws, models, tasks)."""
    widths = np.cumsum([tasks, tasks, tasks, models * tasks, models * tasks])
    n, y, yy, x, xx, xy = np.split(sums / rows, widths, axis=1)
    n, y, yy = (np.tile(part, models) for part in (n, y, yy))
    spreads = [
        np.where(n * squares - part * part > ROUNDING * n * squares, n * squares - part * part, np.nan)
        for part, squares in ((x, xx), (y, yy))
    ]
    r = (n * xy - x * y) / np.sqrt(spreads[0] * spreads[1])
    return np.clip(r, -1, 1).reshape(len(sums), models, tasks)


def _task_means(r: np.ndarray) -> np.ndarray:
    """float64 (draws, models): means over tasks of (draws, models, tasks), each over the tasks for which any model has an r."""
    defined = np.isfinite(r)
    tasks = defined.any(axis=1).sum(axis=1)[:, None]
    return np.where(defined.any(axis=2), np.where(defined, r, 0).sum(axis=2) / np.maximum(tasks, 1), np.nan)
