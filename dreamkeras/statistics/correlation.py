"""Correlations and error between predicted and measured values, for one task or a column a task; in float64, numpy only."""

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError

__all__ = ["FIGURES", "mse", "pearson", "spearman", "task_figures"]


def pearson(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Pearson's r.

    Args:
        x: Numbers (n,) or (n, tasks).
        y: Numbers of the same shape.

    Returns:
        float64 () or (tasks,); NaN for a column that is constant, has fewer than two rows, or holds NaN or infinity.

    Raises:
        InputError: The shapes differ, or have neither one nor two dimensions.

    Example:
        >>> float(pearson([1, 2, 3], [2, 4, 6]))
        1.0
    """
    x, y = _columns(x, y)
    if len(x) < 2:
        return np.full(x.shape[1:], np.nan)
    return np.clip((_standardised(x) * _standardised(y)).sum(0), -1, 1)


def spearman(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Spearman's rho: Pearson's r of the ranks, equal values sharing the mean of theirs.

    Args, returns and errors are those of `pearson`.

    Example:
        >>> float(spearman([1, 2, 30], [1, 4, 9]))
        1.0
    """
    x, y = _columns(x, y)
    return pearson(_ranks(x), _ranks(y))


def mse(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Mean squared difference; arguments and shapes are those of `pearson`, and NaN without rows.

    Example:
        >>> float(mse([1, 2], [1, 4]))
        2.0
    """
    x, y = _columns(x, y)
    if not len(x):
        return np.full(x.shape[1:], np.nan)
    with np.errstate(invalid="ignore", over="ignore"):  # infinities answer NaN or infinity, silently
        return np.square(x - y).mean(0)


FIGURES = {"r": pearson, "rho": spearman, "mse": mse}
"""The figures by which models are compared, under the names they have in files."""


def task_figures(measured: ArrayLike, predicted: ArrayLike) -> dict[str, np.ndarray]:
    """The `FIGURES` of each task, over the rows in which it was measured.

    Args:
        measured: Numbers (n, tasks), NaN where a task was not measured.
        predicted: Numbers (n, tasks).

    Returns:
        float64 (tasks,) under each figure's name, and `"n"`, the rows of each task.

    Raises:
        InputError: The shapes differ.
    """
    measured, predicted = _columns(measured, predicted)
    tasks = [(column, other, ~np.isnan(column)) for column, other in zip(measured.T, predicted.T, strict=True)]
    figures = {name: np.array([figure(x[kept], y[kept]) for x, y, kept in tasks]) for name, figure in FIGURES.items()}
    return {**figures, "n": np.array([kept.sum() for _, _, kept in tasks])}


def _columns(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim not in (1, 2):
        raise InputError(f"Expected two arrays of one shape, (n,) or (n, tasks), got {x.shape} and {y.shape}.")
    return x, y


def _standardised(x: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and length 1; NaN where that cannot be."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Scaled before anything is squared or summed, so that large and tiny numbers neither overflow nor vanish.
        centred = x / np.abs(x).max(0)
        centred -= centred.mean(0)
        centred /= np.abs(centred).max(0)
        centred /= np.sqrt(np.square(centred).sum(0))
    # A constant column's mean is not always exact: its rounding errors are no signal.
    return np.where(np.isfinite(x).all(0) & (x != x[:1]).any(0), centred, np.nan)


def _ranks(x: np.ndarray) -> np.ndarray:
    """float64 of the same shape: ranks from 1 within each column; a column with NaN is NaN."""
    return _rank(x) if x.ndim == 1 else np.apply_along_axis(_rank, 0, x)


def _rank(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[group]
    return np.where(np.isnan(values).any(), np.nan, ranks)
