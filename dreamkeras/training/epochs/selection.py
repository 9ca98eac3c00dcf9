"""Which epoch of a run is the best one, and how many since then were no better. A figure that is NaN never decides.

Works on rows of the history. Imports no Keras.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dreamkeras.statistics.undefined import mean_defined, varies

__all__ = ["RELATIVE_ERROR", "Epoch", "describe_undefined", "is_better", "relative_error", "target_variances", "without_improvement"]

Epoch = Mapping[str, float]
"""An epoch of the history, by column."""

RELATIVE_ERROR = "val_relative_mse"
"""The column that ranks epochs in which no task has an r."""


def is_better(row: Epoch, best: Epoch) -> bool:
    """Whether an epoch ranks above the best one so far; a tie goes to the earlier.

    The figure is the lowest validation loss where rows have one (of profiles), otherwise the highest mean r of the tasks. A task
    without an r in one epoch counts as 0 there, so that the mean is always one over the same tasks. An epoch in which no task has
    an r ranks below all that have one, by its error relative to the variance of the training values.
    """
    rank, so_far = _rank(row), _rank(best)
    return rank is not None and (so_far is None or rank > so_far)


def without_improvement(rows: Sequence[Epoch], best_epoch: int) -> int:
    """How many epochs after the best one could have been better and were not.

    Those whose figure is undefined, or lacks a task that the best epoch has, are not counted.

    Args:
        rows: The history.
        best_epoch: From 1; 0 before the first epoch.
    """
    if not best_epoch or _rank(rows[best_epoch - 1]) is None:
        return 0
    defined = [name for name, value in _figures(rows[best_epoch - 1]).items() if np.isfinite(value)]
    later = [(_rank(row), _figures(row)) for row in rows[best_epoch:]]
    return sum(rank is not None and all(np.isfinite(figures.get(name, np.nan)) for name in defined) for rank, figures in later)


def relative_error(mse: np.ndarray, variances: np.ndarray) -> float:
    """The mean over tasks of the squared error relative to the variance of the training values.

    Tasks without a validation value are left out, and those whose training values are all the same: where all are, it is the mean
    squared error. NaN where no task has an error.

    Args:
        mse: float (tasks,), NaN where a task has no validation values.
        variances: float (tasks,), as `target_variances` gives them.

    Example:
        >>> relative_error(np.array([2.0, 3.0, np.nan]), np.array([4.0, 0.0, 1.0]))
        0.5
    """
    varying = variances > 0
    relative = mse[varying] / variances[varying]
    return mean_defined(relative if np.isfinite(relative).any() else mse)


def target_variances(targets: np.ndarray) -> np.ndarray:
    """float64 (tasks,): the variance of each task's values (n, tasks) that are there; exactly 0 where they are all the same."""
    return np.array(
        [np.nanvar(column) if varying else 0.0 for column, varying in zip(targets.T.astype(np.float64), varies(targets), strict=True)]
    )


def describe_undefined(targets: np.ndarray, tasks: Sequence[str]) -> str:
    """A warning that names each task whose validation values allow no r, and says how many it has; empty if all allow one.

    Args:
        targets: float (n, tasks), what is validated on; NaN where a value is missing.
        tasks: Their names.
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
    return f"Validation r is undefined for {', '.join(without)}: it needs two different values. The best epoch is chosen by {by}."


def _rank(row: Epoch) -> tuple[int, float] | None:
    """Sorts epochs; None where no figure is defined."""
    figures = _figures(row)
    defined = [value for value in figures.values() if np.isfinite(value)]
    if defined:
        return 1, sum(defined) / len(figures)
    error = row.get(RELATIVE_ERROR, np.nan)
    return (0, -error) if np.isfinite(error) else None


def _figures(row: Epoch) -> dict[str, float]:
    """What epochs are compared by, the higher the better: one figure, or one a task."""
    if "val_loss" in row:
        return {"val_loss": -row["val_loss"]}
    tasks = {name: value for name, value in row.items() if name.startswith("val_r_")}
    return tasks or {"val_r": row["val_r"]}
