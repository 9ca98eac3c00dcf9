"""Goal: what a design is to reach, as one number that is the higher the better."""

from typing import Literal, NamedTuple

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.scorer import Scorer

__all__ = ["Goal", "Target", "settle_goal"]

Target = Literal["max", "min"] | float


class Goal(NamedTuple):
    """A goal for a model's predictions; made by `settle_goal`.

    Args:
        target: The highest value, the lowest, or a number to come near to.
        task: Column of the task that counts.
        minus: Column of the task that is taken from it; None without.
        penalty: Standard deviations of an ensemble's members that are taken off the objective.
        tasks: Columns that are means; as many follow that are standard deviations where there is a spread.
    """

    target: Target
    task: int = 0
    minus: int | None = None
    penalty: float = 0.0
    tasks: int = 1

    def values(self, columns: np.ndarray) -> np.ndarray:
        """float64 (n,): the predictions, from the columns of a scorer."""
        values = columns[:, self.task].astype(np.float64)
        return values if self.minus is None else values - columns[:, self.minus]

    def spread(self, columns: np.ndarray) -> np.ndarray | None:
        """float64 (n,): its standard deviation among an ensemble's members; of a difference, the most that it can be."""
        if columns.shape[1] == self.tasks:
            return None
        spread = columns[:, self.tasks + self.task].astype(np.float64)
        return spread if self.minus is None else spread + columns[:, self.tasks + self.minus]

    def objective(self, columns: np.ndarray) -> np.ndarray:
        """float64 (n,): the higher the better; NaN is lower than all else."""
        reached, spread = self.reached(self.values(columns)), self.spread(columns)
        reached = reached if spread is None or not self.penalty else reached - self.penalty * spread
        return np.where(np.isnan(reached), -np.inf, reached)

    def reached(self, values: np.ndarray) -> np.ndarray:
        """float64 (n,): how far predictions alone are what is wanted; the higher the better."""
        return values if self.target == "max" else -values if self.target == "min" else -abs(values - float(self.target))


def settle_goal(scorer: Scorer, target: Target, task: str | None = None, minus: str | None = None, penalty: float = 0.0) -> Goal:
    """A goal in a model's tasks.

    Args:
        scorer: The model.
        target: `"max"`, `"min"` or a number.
        task: Name of the task that counts; of a model with one, that.
        minus: Name of a task whose prediction is taken from it.
        penalty: How many standard deviations of an ensemble's members are taken off.

    Raises:
        InputError: The penalty is negative, or the target is no number.
        ModelError: There is no such task, it is not said which of several, or there is a penalty and no ensemble.
    """
    if target not in ("max", "min") and not np.isfinite(float(target)):
        raise InputError(f"Expected max, min or a number for the target, got {target}.")
    if not (np.isfinite(penalty) and penalty >= 0):
        raise InputError(f"Expected a penalty of 0 or more, got {penalty:g}.")
    if penalty and not scorer.has_spread:
        raise ModelError(f"Expected an ensemble for a penalty on its disagreement, got the single model {scorer.name}.")
    if task is None and len(scorer.tasks) > 1:
        raise ModelError(f"Expected the task to design for, one of {', '.join(scorer.tasks)}, got none.")
    columns = [_column(scorer, name) for name in (scorer.tasks[0] if task is None else task, minus) if name is not None]
    if len(set(columns)) < len(columns):
        raise InputError(f"Expected two different tasks, got {minus} minus itself.")
    return Goal(target, columns[0], columns[1] if minus is not None else None, float(penalty), len(scorer.tasks))


def _column(scorer: Scorer, task: str) -> int:
    if task not in scorer.tasks:
        raise ModelError(f"Expected one of the tasks {', '.join(scorer.tasks)} of {scorer.name}, got {task!r}.")
    return scorer.tasks.index(task)
