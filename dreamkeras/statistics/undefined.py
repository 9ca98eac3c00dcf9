"""Figures of which some do not exist, such as the r of a task without values: NaN. numpy only."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["mean_defined", "mean_or_zero", "varies"]


def varies(values: np.ndarray) -> np.ndarray:
    """bool (tasks,): whether a task has two different values in (n, tasks), NaN not counted; without them it has no r."""
    present = ~np.isnan(values)
    return np.where(present, values, -np.inf).max(0, initial=-np.inf) > np.where(present, values, np.inf).min(0, initial=np.inf)


def mean_defined(figures: ArrayLike) -> float:
    """The mean of the figures that are finite, such as those of the tasks that have one; NaN where none is.

    Example:
        >>> mean_defined([0.5, float("nan"), 0.7])
        0.6
    """
    figures = np.asarray(figures, np.float64)
    defined = figures[np.isfinite(figures)]
    return float(defined.mean()) if len(defined) else float("nan")


def mean_or_zero(figures: np.ndarray, axis: int) -> np.ndarray:
    """Means in which an r that does not exist counts as 0, as nothing was predicted; NaN where none along the axis exists.

    For figures that are compared: the mean of those that exist would rise where a low one ceases to.
    """
    defined = np.isfinite(figures)
    return np.where(defined.any(axis), np.where(defined, figures, 0).mean(axis), np.nan)
