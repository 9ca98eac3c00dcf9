"""Computes bootstrap intervals for Pearson's r and for the difference in r between models, by resampling the sequences.

The arguments of all functions are predictions, not models. The only dependency is NumPy.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_or_zero

__all__ = ["DRAWS", "QUANTITY", "Interval", "figure_text", "interval", "paired_differences", "resample_pearson", "resampled_counts"]

DRAWS = 1000
"""Default number of resamples. With 1,000 resamples, the bounds of an interval vary by about a tenth of its width between random seeds."""

CELLS = 1 << 22
"""Maximum number of values in an array of counts (resamples, rows). An array of this size takes 32 MB."""

ROUNDING = 1e-13
"""Values are treated as equal if their variance is below this share of their mean square."""

UNDEFINED = "undefined"
"""Text that replaces the value of an undefined metric."""


QUANTITY = ".4g"
"""Format of a metric in units of the data, which may be tiny or huge, such as a mean squared error."""


class Interval(NamedTuple):
    """Value of a metric and the bounds of its bootstrap percentile interval.

    Args:
        value: Value of the metric on the original sequences, without resampling.
        low: Lower bound.
        high: Upper bound.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return self.text()

    def text(self, digits: str = ".4f") -> str:
        """Returns the value and its bounds. For `digits`, see `QUANTITY`."""
        return f"{self.value:{digits}} ({self.low:{digits}} to {self.high:{digits}})" if math.isfinite(self.value) else UNDEFINED


def resample_pearson(measured: ArrayLike, predicted: ArrayLike, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Computes Pearson's r of several models on resamples of the sequences. All models use the same resamples.

    Args:
        measured: Measurements (n,) or (n, tasks). Missing values are NaN.
        predicted: Predictions (models, n) or (models, n, tasks).
        draws: Number of resamples. Each resample has n sequences, drawn with replacement.
        seed: Random seed. The same seed and number of sequences always give the same resamples.

    Returns:
        Mean r over tasks, float64 (draws, models). The mean includes all tasks for which r is defined for at least one model in the
        resample. If r of such a task is undefined for a model, r counts as 0, so that all models are compared on the same tasks. The mean
        of a model is NaN if r is undefined for all tasks. The correlation r is undefined if all measured or all predicted values of a
        resample are equal, or if a value is not finite.

    Raises:
        InputError: The shapes do not match, there are no sequences, or `draws` is below 1.

    Example:
        >>> resample_pearson([1, 2, 3, 4], [[1, 2, 3, 4]], draws=2).round(6).tolist()
        [[1.0], [1.0]]
    """
    measured, predicted = _checked(measured, predicted, draws)
    moments = _moments(measured, predicted)
    sums = np.concatenate([counts @ moments for counts in resampled_counts(len(measured), draws, seed)])
    return _task_means(_correlations(sums, len(measured), len(predicted), measured.shape[1]))


def resampled_counts(rows: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Draws resamples of rows, and counts how often each resample contains each row.

    Each yielded array contains as many resamples as fit into 32 MB.

    Args:
        rows: Number of rows.
        draws: Number of resamples.
        seed: Random seed.

    Yields:
        Counts, float64 (resamples, rows).
    """
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS // rows)
    for first in range(0, draws, at_once):
        # Counting drawn indices is ten times as fast as random.multinomial.
        counts = [np.bincount(random.integers(0, rows, rows), minlength=rows) for _ in range(min(at_once, draws - first))]
        yield np.array(counts, np.float64)


def figure_text(value: float) -> str:
    """Formats a metric with four decimals."""
    return f"{value:.4f}" if math.isfinite(value) else UNDEFINED


def interval(samples: ArrayLike, level: float = 0.95) -> np.ndarray:
    """Computes the percentile interval of a resampled metric.

    Args:
        samples: Values of the metric (draws, ...).
        level: Share of the resampled values within the interval.

    Returns:
        Lower and upper bounds, float64 (2, ...). NaN values of the metric are ignored. The bounds are NaN if all values are NaN.
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
    """Computes differences in the mean r between a reference group of models and every other group, with 95 % intervals.

    A group contains models of the same kind that were trained with different seeds. Intervals describe the variation between samples
    of sequences, not between seeds.

    Args:
        measured: Measurements (n,) or (n, tasks).
        predicted: Predictions (models, n) or (models, n, tasks).
        groups: Group of each model, integers (models,).
        reference: Number of the group with which all other groups are compared.
        draws: Number of resamples.
        seed: Random seed for the resamples.

    Returns:
        A dictionary with the difference for each group except the reference: mean r of the reference group minus mean r of the group. Means
        over tasks are computed as in `resample_pearson`. In means over the models of a group, an undefined r is replaced by 0. The
        difference is NaN if r is undefined for all models of a group.

    Raises:
        InputError: See `resample_pearson`.
    """
    samples, groups = resample_pearson(measured, predicted, draws, seed), np.asarray(groups)
    measured, predicted = _checked(measured, predicted, draws)
    r = _task_means(np.array([[task_figures(measured, model)["r"] for model in predicted]]))
    # The first row has the values for the original sequences, and every other row has the values for a resample.
    means = {int(group): mean_or_zero(np.concatenate([r, samples])[:, groups == group], axis=1) for group in np.unique(groups)}
    behind = {group: means[reference] - of_group for group, of_group in means.items() if group != reference}
    return {group: Interval(float(apart[0]), *map(float, interval(apart[1:]))) for group, apart in behind.items()}


def _checked(measured: ArrayLike, predicted: ArrayLike, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Checks the arguments. Returns measurements as float64 (n, tasks), and predictions as float64 (models, n, tasks)."""
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.ndim not in (1, 2) or not measured.size or predicted.shape[1:] != measured.shape:
        wanted = "measurements of shape (n,) with predictions of shape (models, n), or (n, tasks) with (models, n, tasks)"
        raise InputError(f"Expected {wanted}, got {measured.shape} with {predicted.shape}.")
    if draws < 1:
        raise InputError(f"Expected at least 1 draw, got {draws}.")
    return (measured, predicted) if measured.ndim == 2 else (measured[:, None], predicted[..., None])


def _moments(measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Returns the moments of each row, float64 (n, columns). Sums of moments over a resample determine the correlations in the resample.

    With measurements y and predictions x, the columns are 1, y and y squared for each task, and x, x squared and x times y for each model
    and task. Missing values contribute 0. Values are first centred and scaled, to avoid a loss of precision if the mean is far from 0.
    """
    present = ~np.isnan(measured)
    y = _standardised(measured, present)
    x = _standardised(np.concatenate(list(predicted), axis=1), np.tile(present, len(predicted)))
    paired = np.tile(y, len(predicted))
    return np.concatenate([present, y, y * y, x, x * x, x * paired], axis=1)


def _standardised(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Scales columns to mean 0 and maximum absolute value 1. Missing values become 0, and constant columns become NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(present, values, 0).sum(0) / present.sum(0)
        centred = np.where(present, values - means, 0)
        scaled = centred / np.abs(centred).max(0)
    varying = np.where(present, values, -np.inf).max(0) != np.where(present, values, np.inf).min(0)
    return np.where(varying, scaled, np.nan)


def _correlations(sums: np.ndarray, rows: int, models: int, tasks: int) -> np.ndarray:
    """Computes correlations from the sums of moments, float64 (draws, models, tasks)."""
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
    """Averages r (draws, models, tasks) over the tasks for which r is defined for any model. Returns float64 (draws, models)."""
    defined = np.isfinite(r)
    tasks = defined.any(axis=1).sum(axis=1)[:, None]
    return np.where(defined.any(axis=2), np.where(defined, r, 0).sum(axis=2) / np.maximum(tasks, 1), np.nan)
