"""Averages metrics that can be undefined (NaN), such as the r of a task without values. The only dependency is NumPy."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["mean_defined", "mean_or_zero", "varies"]


def varies(values: np.ndarray) -> np.ndarray:
    """Returns whether each task has at least two different values, bool (tasks,). Otherwise, r is undefined. NaN is ignored."""
    present = ~np.isnan(values)
    return np.where(present, values, -np.inf).max(0, initial=-np.inf) > np.where(present, values, np.inf).min(0, initial=np.inf)


def mean_defined(figures: ArrayLike) -> float:
    """Returns the mean of the finite metrics, for example over tasks. The mean is NaN if no metric is finite.

    Example:
        >>> mean_defined([0.5, float("nan"), 0.7])
        0.6
    """
    figures = np.asarray(figures, np.float64)
    defined = figures[np.isfinite(figures)]
    return float(defined.mean()) if len(defined) else float("nan")


def mean_or_zero(figures: np.ndarray, axis: int) -> np.ndarray:
    """Returns means in which an undefined r is replaced by 0. The mean is NaN if all values along the axis are undefined.

    These means are used to compare models. If undefined values were ignored, the mean could increase when a low r becomes undefined.
    """
    defined = np.isfinite(figures)
    return np.where(defined.any(axis), np.where(defined, figures, 0).mean(axis), np.nan)
