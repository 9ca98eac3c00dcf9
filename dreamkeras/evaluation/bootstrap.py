"""The bootstrap: how far Pearson's r, and its difference between models, would vary over other draws of the same sequences.

NumPy only. Knows nothing about models: it is given their predictions.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError
from dreamkeras.evaluation.correlation import pearson

__all__ = ["DRAWS", "Interval", "interval", "paired_differences", "resample_pearson", "resampled_counts"]

DRAWS = 1000
"""Resamples, unless asked otherwise: a bound of the interval then varies by about a tenth of its width."""

CELLS = 1 << 22
"""Counts held at once: 32 MB."""


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


def resample_pearson(measured: ArrayLike, predicted: ArrayLike, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Pearson's r of several models on resamples of the sequences, the same resamples for all of them.

    Args:
        measured: Numbers (n,) or (n, tasks).
        predicted: Numbers (models, n) or (models, n, tasks).
        draws: Resamples, each n sequences with replacement.
        seed: Which resamples; those of one seed and n are always the same.

    Returns:
        float64 (draws, models), means over tasks. NaN where a resample's values are all the same or one is not finite.

    Raises:
        InputError: The shapes do not go together, there is no sequence, or `draws` is below 1.

    Example:
        >>> resample_pearson([1, 2, 3, 4], [[1, 2, 3, 4]], draws=2).round(6).tolist()
        [[1.0], [1.0]]
    """
    measured, predicted = _checked(measured, predicted, draws)
    sums = _sums(_moments(measured, predicted), len(measured), draws, seed)
    return _correlations(sums, len(measured), len(predicted), measured.shape[1]).mean(2)


def resampled_counts(rows: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each sequence is drawn in each resample, as many resamples at once as fit in 32 MB.

    Args:
        rows: Sequences; each resample draws as many of them, with replacement.
        draws: Resamples.
        seed: Which.

    Yields:
        float64 (resamples, rows).
    """
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS // rows)
    for first in range(0, draws, at_once):
        # Ten times faster than random.multinomial.
        counts = [np.bincount(random.integers(0, rows, rows), minlength=rows) for _ in range(min(at_once, draws - first))]
        yield np.array(counts, np.float64)


def interval(samples: ArrayLike, level: float = 0.95) -> np.ndarray:
    """The percentile interval of resampled figures.

    Args:
        samples: Numbers (draws, ...).
        level: Share of the draws within.

    Returns:
        float64 (2, ...): lower and upper bounds; NaN where a draw is.
    """
    beyond = (1 - level) / 2
    return np.quantile(np.asarray(samples, np.float64), [beyond, 1 - beyond], axis=0)


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
        By group, the reference left out: r of the reference minus r of the group.

    Raises:
        InputError: As `resample_pearson`.
    """
    samples, groups = resample_pearson(measured, predicted, draws, seed), np.asarray(groups)
    measured, predicted = _checked(measured, predicted, draws)
    r = np.array([pearson(measured, model).mean() for model in predicted])
    others = [int(group) for group in np.unique(groups) if group != reference]
    differences = {
        group: (r[groups == reference].mean() - r[groups == group].mean(), samples[:, groups == group].mean(1)) for group in others
    }
    best = samples[:, groups == reference].mean(1)
    return {group: Interval(float(value), *map(float, interval(best - means))) for group, (value, means) in differences.items()}


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

    Columns are y and y squared for each task; x, x squared and x y for each model and task. All are centred and scaled first, so
    that nothing is lost where the mean is far from 0.
    """
    y = _standardised(measured)
    x = _standardised(np.concatenate(list(predicted), axis=1))
    paired = np.tile(y, len(predicted))
    return np.concatenate([y, y * y, x, x * x, x * paired], axis=1)


def _standardised(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = values - values.mean(0)
        scaled = centred / np.abs(centred).max(0)
    return np.where((values != values[:1]).any(0), scaled, np.nan)


def _sums(moments: np.ndarray, rows: int, draws: int, seed: int) -> np.ndarray:
    """float64 (draws, columns): each column's sum over each resample, as a matrix product of counts and columns."""
    return np.concatenate([counts @ moments for counts in resampled_counts(rows, draws, seed)])


def _correlations(sums: np.ndarray, rows: int, models: int, tasks: int) -> np.ndarray:
    """float64 (draws, models, tasks)."""
    widths = np.cumsum([tasks, tasks, models * tasks, models * tasks])
    y, yy, x, xx, xy = np.split(sums / rows, widths, axis=1)
    y, yy = np.tile(y, models), np.tile(yy, models)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y))
    return np.clip(r, -1, 1).reshape(len(sums), models, tasks)
