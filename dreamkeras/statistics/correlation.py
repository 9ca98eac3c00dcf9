"""Computes correlations and the mean squared error between predicted and measured values, for one or several tasks. Uses NumPy only."""

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError

__all__ = ["FIGURES", "mse", "pearson", "spearman", "task_figures"]


def pearson(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Computes Pearson's r.

    Args:
        x: Values (n,) or (n, tasks).
        y: Values of the same shape as `x`.

    Returns:
        float64 () or (tasks,). The r is NaN for a column that is constant, has fewer than two rows, or contains NaN or infinity.

    Raises:
        InputError: The shapes differ, or the number of dimensions is neither 1 nor 2.

    Example:
        >>> float(pearson([1, 2, 3], [2, 4, 6]))
        1.0
    """
    x, y = _columns(x, y)
    if len(x) < 2:
        return np.full(x.shape[1:], np.nan)
    return np.clip((_standardised(x) * _standardised(y)).sum(0), -1, 1)


def spearman(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Computes Spearman's rho, which is Pearson's r of the ranks. Equal values share the mean of the ranks at their positions.

    See `pearson` for the arguments, the return value and the errors.

    Example:
        >>> float(spearman([1, 2, 30], [1, 4, 9]))
        1.0
    """
    x, y = _columns(x, y)
    return pearson(_ranks(x), _ranks(y))


def mse(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Computes the mean squared error, which is NaN if there are no rows. See `pearson` for the arguments and the return value.

    Example:
        >>> float(mse([1, 2], [1, 4]))
        2.0
    """
    x, y = _columns(x, y)
    if not len(x):
        return np.full(x.shape[1:], np.nan)
    with np.errstate(invalid="ignore", over="ignore"):  # no warning about infinite values, for which the result is NaN or infinity
        return np.square(x - y).mean(0)


FIGURES = {"r": pearson, "rho": spearman, "mse": mse}
"""Functions that compute the metrics of predictions. The keys are the names of the metrics in output files."""


def task_figures(measured: ArrayLike, predicted: ArrayLike) -> dict[str, np.ndarray]:
    """Computes all metrics in `FIGURES` for each task, from the rows with a measurement of the task.

    Args:
        measured: Measurements (n, tasks). Missing values are NaN.
        predicted: Predictions (n, tasks).

    Returns:
        Dictionary from the name of each metric to its values, float64 (tasks,). The key `"n"` contains the number of rows with a
        measurement of each task.

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
        raise InputError(f"Expected two arrays of the same shape, (n,) or (n, tasks), got {x.shape} and {y.shape}.")
    return x, y


def _standardised(x: np.ndarray) -> np.ndarray:
    """Scales columns to mean 0 and Euclidean norm 1. Constant columns, and columns with NaN or infinity, become NaN."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Columns are scaled before values are squared and summed, to avoid overflow and underflow.
        centred = x / np.abs(x).max(0)
        centred -= centred.mean(0)
        centred /= np.abs(centred).max(0)
        centred /= np.sqrt(np.square(centred).sum(0))
    # The mean of a constant column is not always exact, and its rounding errors must not be treated as variation.
    return np.where(np.isfinite(x).all(0) & (x != x[:1]).any(0), centred, np.nan)


def _ranks(x: np.ndarray) -> np.ndarray:
    """Returns ranks from 1 within each column, float64 of the same shape. A column with NaN becomes NaN."""
    return _rank(x) if x.ndim == 1 else np.apply_along_axis(_rank, 0, x)


def _rank(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[group]
    return np.where(np.isnan(values).any(), np.nan, ranks)
