"""Defines the goal of a search for designs, and computes the objective that the search maximises."""

from typing import Literal, NamedTuple

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.scorer import Scorer

__all__ = ["Goal", "Target", "settle_goal"]

Target = Literal["max", "min"] | float


class Goal(NamedTuple):
    """A goal for a model's predictions. Instances are created by `settle_goal`.

    Args:
        target: `"max"`, `"min"`, or a value that predictions should approach.
        task: Index of the task to design for.
        minus: Index of a task whose prediction is subtracted from the prediction of `task`. If None, no prediction is subtracted.
        penalty: Factor for the standard deviation over an ensemble's members. The product is subtracted from the objective.
        tasks: Number of tasks. A scorer returns one column per task with predictions. An ensemble adds one column per task with standard
            deviations.
    """

    target: Target
    task: int = 0
    minus: int | None = None
    penalty: float = 0.0
    tasks: int = 1

    def values(self, columns: np.ndarray) -> np.ndarray:
        """Returns the prediction of the task, or the difference between the predictions of two tasks, float64 (n,)."""
        values = columns[:, self.task].astype(np.float64)
        return values if self.minus is None else values - columns[:, self.minus]

    def spread(self, columns: np.ndarray) -> np.ndarray | None:
        """Returns the standard deviation over the members of an ensemble, float64 (n,), or None for a single model.

        For a difference between two tasks, the result is an upper bound: the sum of the standard deviations of both tasks.
        """
        if columns.shape[1] == self.tasks:
            return None
        spread = columns[:, self.tasks + self.task].astype(np.float64)
        return spread if self.minus is None else spread + columns[:, self.tasks + self.minus]

    def objective(self, columns: np.ndarray) -> np.ndarray:
        """Returns the objective of designs, float64 (n,). Higher is better. For a NaN prediction, the objective is minus infinity."""
        reached, spread = self.reached(self.values(columns)), self.spread(columns)
        reached = reached if spread is None or not self.penalty else reached - self.penalty * spread
        return np.where(np.isnan(reached), -np.inf, reached)

    def reached(self, values: np.ndarray) -> np.ndarray:
        """Returns the objective without the penalty, float64 (n,). Higher is better."""
        return values if self.target == "max" else -values if self.target == "min" else -abs(values - float(self.target))


def settle_goal(scorer: Scorer, target: Target, task: str | None = None, minus: str | None = None, penalty: float = 0.0) -> Goal:
    """Creates a goal and checks that the model supports it.

    Args:
        scorer: The model or ensemble.
        target: `"max"`, `"min"` or a number.
        task: Name of the task to design for. If None, the model must predict a single task.
        minus: Name of a task whose prediction is subtracted from the prediction of `task`.
        penalty: Factor for the standard deviation over an ensemble's members. The product is subtracted from the objective.

    Raises:
        InputError: The penalty is negative, the target is not a number in the range of float32, or `task` and `minus` are the same.
        ModelError: A task is unknown, no task is given for a model with several tasks, or a penalty is given for a single model.
    """
    if target not in ("max", "min") and not abs(float(target)) <= float(np.finfo(np.float32).max):  # predictions are float32
        raise InputError(f"Expected max, min or a number from -3.4e+38 to 3.4e+38 for the target, got {target}.")
    if not (np.isfinite(penalty) and penalty >= 0):
        raise InputError(f"Expected a penalty of 0 or more, got {penalty:g}.")
    if penalty and not scorer.has_spread:
        raise ModelError(f"A penalty requires an ensemble, got the single model {scorer.name}.")
    if task is None and len(scorer.tasks) > 1:
        raise ModelError(f"The model predicts several tasks. Give the task to design for: {', '.join(scorer.tasks)}.")
    columns = [_column(scorer, name) for name in (scorer.tasks[0] if task is None else task, minus) if name is not None]
    if len(set(columns)) < len(columns):
        raise InputError(f"Expected two different tasks, got the task {minus} twice.")
    return Goal(target, columns[0], columns[1] if minus is not None else None, float(penalty), len(scorer.tasks))


def _column(scorer: Scorer, task: str) -> int:
    if task not in scorer.tasks:
        raise ModelError(f"Expected one of the tasks that {scorer.name} predicts ({', '.join(scorer.tasks)}), got {task!r}.")
    return scorer.tasks.index(task)
