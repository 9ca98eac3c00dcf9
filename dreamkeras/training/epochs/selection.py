"""Selects the best epoch of a run, and counts the later epochs without improvement. NaN metrics are ignored.

The arguments of the functions are rows of the history. The module does not import Keras.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dreamkeras.statistics.undefined import mean_defined, varies

__all__ = [
    "RELATIVE_ERROR",
    "Epoch",
    "describe_undefined",
    "is_as_defined",
    "is_better",
    "is_defined",
    "relative_error",
    "target_variances",
    "without_improvement",
]

Epoch = Mapping[str, float]
"""Row of the history, which contains the metrics of an epoch by column."""

RELATIVE_ERROR = "val_relative_mse"
"""Column of the relative error. If r is undefined for all tasks, epochs are ranked by this error."""


def is_better(row: Epoch, best: Epoch) -> bool:
    """Whether an epoch ranks above the best earlier epoch. In a tie, the earlier epoch ranks higher.

    For networks with profiles, the epoch with the lowest validation loss ranks highest. For other networks, the epoch with the highest mean
    r over tasks ranks highest. For binary tasks and counts, the explained deviance replaces r. If r of a task is undefined in an epoch, r
    counts as 0, so that the mean is over the same tasks in all epochs. Epochs in which r is undefined for all tasks rank below all other
    epochs. Among such epochs, the epoch with the lowest relative error ranks highest.
    """
    rank, so_far = _rank(row), _rank(best)
    return rank is not None and (so_far is None or rank > so_far)


def without_improvement(rows: Sequence[Epoch], best_epoch: int) -> int:
    """Counts the epochs after the best epoch.

    An epoch without any defined metric is not counted. An epoch is also not counted if r of a task is undefined in this epoch, but defined
    in the best epoch.

    Args:
        rows: Rows of the history.
        best_epoch: Number of the best epoch, counted from 1. The number is 0 until the first epoch has ended.
    """
    if not best_epoch or not is_defined(rows[best_epoch - 1]):
        return 0
    return sum(is_as_defined(row, rows[best_epoch - 1]) for row in rows[best_epoch:])


def is_defined(row: Epoch) -> bool:
    """Whether a metric by which epochs are ranked is defined in an epoch."""
    return _rank(row) is not None


def is_as_defined(row: Epoch, best: Epoch) -> bool:
    """Whether an epoch can be ranked, and every r or loss that is defined in the best epoch is also defined in this epoch."""
    figures = _figures(row)
    return is_defined(row) and all(np.isfinite(figures.get(name, np.nan)) for name, value in _figures(best).items() if np.isfinite(value))


def relative_error(mse: np.ndarray, variances: np.ndarray) -> float:
    """Computes the mean squared error divided by the variance of the training values, averaged over tasks.

    Tasks without validation values and tasks with constant training values are excluded. If no task remains, the result is the mean squared
    error, or NaN if no task has validation values.

    Args:
        mse: float (tasks,), mean squared errors. The error is NaN for a task without validation values.
        variances: float (tasks,), from `target_variances`.

    Example:
        >>> relative_error(np.array([2.0, 3.0, np.nan]), np.array([4.0, 0.0, 1.0]))
        0.5
    """
    varying = variances > 0
    relative = mse[varying] / variances[varying]
    return mean_defined(relative if np.isfinite(relative).any() else mse)


def target_variances(targets: np.ndarray) -> np.ndarray:
    """Computes the variance of the values of each task, float64 (tasks,), ignoring NaN.

    The variance of a task with constant values is exactly 0.
    """
    return np.array(
        [np.nanvar(column) if varying else 0.0 for column, varying in zip(targets.T.astype(np.float64), varies(targets), strict=True)]
    )


def describe_undefined(targets: np.ndarray, tasks: Sequence[str]) -> str:
    """Returns a warning that lists the tasks with undefined validation r, and the number of validation values of each such task.

    Returns an empty string if r is defined for all tasks.

    Args:
        targets: float (n, tasks), validation values. Missing values are NaN.
        tasks: Names of the tasks.
    """
    counts = (~np.isnan(targets)).sum(axis=0)
    told = {0: "no validation values", 1: "1 validation value"}
    without = [
        f"{task} ({told.get(n) or f'{n:,} validation values, all the same'})"
        for task, n, varying in zip(tasks, counts.tolist(), varies(targets), strict=True)
        if not varying
    ]
    if not without:
        return ""
    by = "the r of the other tasks" if len(without) < len(tasks) else "the squared error relative to the variance of the training values"
    return f"Validation r is undefined for {', '.join(without)}, because r requires two different values. The best epoch is chosen by {by}."


def _rank(row: Epoch) -> tuple[int, float] | None:
    """Returns the sort key of an epoch, or None if no metric is defined."""
    figures = _figures(row)
    defined = [value for value in figures.values() if np.isfinite(value)]
    if defined:
        return 1, sum(defined) / len(figures)
    error = row.get(RELATIVE_ERROR, np.nan)
    return (0, -error) if np.isfinite(error) else None


def _figures(row: Epoch) -> dict[str, float]:
    """Returns the metrics by which an epoch is ranked: the negative loss for a network with profiles, otherwise r of each task.

    If a task is binary or counts, the metric `val_fit` of each task replaces r. Higher values are better.
    """
    if "val_loss" in row:
        return {"val_loss": -row["val_loss"]}
    figure = "val_fit" if "val_fit" in row else "val_r"
    tasks = {name: value for name, value in row.items() if name.startswith(f"{figure}_")}
    return tasks or {figure: row[figure]}
