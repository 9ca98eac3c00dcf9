"""Computes split conformal prediction intervals from prediction errors on held-out sequences.

For a sequence from the same distribution as the held-out sequences, the interval contains the measurement with a probability of at least
the chosen level. The coverage of the intervals is guaranteed for every model and every distribution of noise (Vovk et al. 2005; Lei et al.
2018). Coverage is marginal: the probability holds on average over all sequences, not separately for sequences with high or low
measurements.

For tasks with a transformation, errors are computed from transformed values, and the ends of the intervals are transformed back. For
counts, errors are computed from square roots. The intervals of such tasks are not symmetric.
"""

import dataclasses
import decimal
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.calibration import find_part
from dreamkeras.errors import InputError, ModelError, counted
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["KEPT", "NO_INTERVALS", "Bounds", "Intervals", "Residuals", "measure_intervals"]

KEPT = 512
"""Maximum number of residuals that are kept for a task.

If some residuals are dropped, the share of measurements outside an interval changes by at most 1/30 of its nominal value.
"""

NO_INTERVALS = "There is no prediction interval for {}, because the prediction of a binary task is the probability of the measurement 1."
"""Sentence on binary tasks, with a placeholder for their names."""

_UP = decimal.Context(prec=7, rounding=decimal.ROUND_CEILING)


class Bounds(NamedTuple):
    """Lower and upper bounds of prediction intervals.

    Args:
        low: Lower bounds, float32 (n, tasks).
        high: Upper bounds, float32 (n, tasks).
    """

    low: np.ndarray
    high: np.ndarray


class Residuals(NamedTuple):
    """Absolute differences between the measurements and predictions of one task, on the stabilised scale of the task.

    If there are more than `KEPT` residuals, only a subset is kept.

    Args:
        n: Number of residuals before a subset was selected.
        ranks: Ranks of the kept residuals by size, counted from 1 and ascending, int64 (kept,). The last rank is always n, because the
            largest residual is kept.
        sizes: Absolute values of the kept residuals, float64 (kept,).
        scale: Kind and transformation of the task. `TaskScale.stabilised` computes the scale of the residuals.
    """

    n: int
    ranks: np.ndarray
    sizes: np.ndarray
    scale: TaskScale = TaskScale()

    def half_width(self, level: float) -> float:
        """Returns the smallest kept residual whose rank is at least (n + 1) times the level.

        The width is infinite if n is too small for the level.
        """
        rank = math.ceil(round((self.n + 1) * level, 9))
        return float(self.sizes[np.searchsorted(self.ranks, rank)]) if rank <= self.n else math.inf


class Intervals(NamedTuple):
    """Prediction errors of a model on held-out sequences, from which intervals are computed.

    Args:
        residuals: Residuals by task, in the order of the model's tasks, without binary tasks.
        tasks: All tasks of the model.
    """

    residuals: Mapping[str, Residuals]
    tasks: tuple[str, ...]

    @classmethod
    def of(cls, scorer: Scorer) -> "Intervals":
        """Reads the intervals from a model's calibration.

        Raises:
            ModelError: The calibration has no intervals.
        """
        return cls.from_json(find_part(scorer, "intervals"), scorer.tasks)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], tasks: Sequence[str]) -> "Intervals":
        """Reads the output of `to_json`, and sorts the residuals in the order of `tasks`.

        Raises:
            ModelError: The fields are malformed, or their tasks differ from `tasks`.
        """
        try:
            found = {task: None if values is None else _residuals(**values) for task, values in fields.items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"Cannot read the residuals of each task: {error}. Got {str(fields)[:80]}.") from None
        if set(found) != set(tasks):
            raise ModelError(f"Expected intervals for {', '.join(tasks)}, got intervals for {', '.join(found) or 'nothing'}.")
        return cls({task: values for task in tasks if (values := found[task])}, tuple(tasks))

    def to_json(self) -> dict[str, Any]:
        """Returns a dictionary for JSON with the fields `n`, `ranks` and `sizes` of each task's residuals, and their `scale` if not plain.

        The value of a binary task is None.
        """
        fields: dict[str, Any] = dict.fromkeys(self.tasks)
        for task, found in self.residuals.items():
            # Sizes are rounded up, because a measurement at the bound of an interval must stay within the interval.
            sizes = [float(_UP.create_decimal_from_float(x)) for x in found.sizes]
            scale = {} if found.scale == TaskScale() else {"scale": dataclasses.asdict(found.scale)}
            fields[task] = {"n": found.n, "ranks": found.ranks.tolist(), "sizes": sizes, **scale}
        return fields

    def half_widths(self, level: float) -> np.ndarray:
        """Returns the half width of the interval of each task in `residuals` on its stabilised scale, float64 (tasks with intervals,).

        Raises:
            InputError: The level is not between 0 and 1.
            ModelError: A task has too few residuals for the level, or all tasks are binary.
        """
        if not 0 < level < 1:
            raise InputError(f"Expected a level between 0 and 1, got {level:g}.")
        if not self.residuals:
            raise ModelError(f"{NO_INTERVALS.format(' and '.join(self.tasks))} Omit --interval.")
        widths = {task: found.half_width(level) for task, found in self.residuals.items()}
        task, fewest = min(((task, found.n) for task, found in self.residuals.items()), key=operator.itemgetter(1))
        if math.isinf(widths[task]):
            wanted = counted(math.ceil(round(level / (1 - level), 9)), "validation value")
            raise ModelError(f"The level {level:g} requires at least {wanted} of {task}, got {fewest:,}.{_highest_level(fewest)}")
        return np.array(list(widths.values()))

    def bounds(self, predicted: np.ndarray, level: float) -> Bounds:
        """Returns the lower and upper bounds of prediction intervals around `predicted`, float (n, tasks).

        The share of measurements expected in an interval is `level`. The columns of the bounds are the tasks in `residuals`.

        Raises:
            InputError: The level is not between 0 and 1.
            ModelError: A task has too few residuals for the level, or all tasks are binary.

        Example:
            >>> found = measure_intervals(np.arange(40.0)[:, None], np.zeros((40, 1)), ["x"])
            >>> [bound.tolist() for bound in found.bounds(np.array([[2.0]]), 0.9)]
            [[[-34.0]], [[38.0]]]
        """
        return self.around(predicted, self.half_widths(level))

    def around(self, predicted: np.ndarray, widths: np.ndarray) -> Bounds:
        """Returns the bounds around `predicted`, float (n, tasks), for half widths from `half_widths`."""
        low, high = np.empty((2, len(predicted), len(self.residuals)), np.float32)
        for column, (task, found) in enumerate(self.residuals.items()):
            middle = found.scale.stabilised(predicted[:, self.tasks.index(task)])
            low[:, column] = found.scale.from_stabilised(middle - widths[column])
            high[:, column] = found.scale.from_stabilised(middle + widths[column])
        return Bounds(low, high)


def measure_intervals(measured: np.ndarray, predicted: np.ndarray, tasks: Sequence[str], scales: Sequence[TaskScale] = ()) -> Intervals:
    """Computes the prediction intervals of a model from the measurements of held-out sequences and the predictions for these sequences.

    Args:
        measured: Measurements of sequences that the model was not trained on, float (n, tasks). Missing values are NaN.
        predicted: Predictions for the same sequences, float (n, tasks).
        tasks: Names of the tasks.
        scales: Kind and transformation of each task. Empty if all tasks are plain values. Binary tasks have no intervals.

    Raises:
        InputError: The shapes differ, or a prediction is not finite.
    """
    if measured.shape != predicted.shape or measured.ndim != 2 or measured.shape[1] != len(tasks):
        got = f"measurements of shape {measured.shape} and predictions of shape {predicted.shape}"
        raise InputError(f"Expected measurements and predictions of shape (n, {len(tasks)}), got {got}.")
    if not np.isfinite(predicted).all():
        raise InputError("Cannot calibrate: some predictions are not finite.")
    found = {}
    for column, (task, scale) in enumerate(zip(tasks, scales or [TaskScale()] * len(tasks), strict=True)):
        if scale.kind != "binary":
            pair = (values[:, column].astype(np.float64) for values in (measured, predicted))
            sizes = np.abs(np.subtract(*map(scale.stabilised, pair)))
            found[task] = _thinned(np.sort(sizes[~np.isnan(sizes)]))._replace(scale=scale)
    return Intervals(found, tuple(tasks))


def _highest_level(n: int) -> str:
    """Returns a sentence that states the highest level that n residuals allow, rounded down. The text is empty if there is no residual."""
    scale = 10 ** len(str(n))
    return f" The highest possible level is {scale * n // (n + 1) / scale:g}." if n else ""


def _thinned(sizes: np.ndarray) -> Residuals:
    """Selects at most `KEPT` residuals of a task. The share of residuals that are kept increases with their size."""
    n = len(sizes)
    above = np.unique(np.rint(np.geomspace(1, n, KEPT))).astype(np.int64) if n > KEPT else np.arange(1, n + 1)
    ranks = (n + 1 - above)[::-1]
    return Residuals(n, ranks, sizes[ranks - 1])


def _residuals(n: int, ranks: Sequence[int], sizes: Sequence[float], scale: Mapping[str, Any] | None = None) -> Residuals:
    found = Residuals(int(n), np.array(ranks, np.int64), np.array(sizes, np.float64), TaskScale(**(scale or {})))
    if found.ranks.shape != found.sizes.shape or found.ranks.ndim != 1 or (n and (len(ranks) == 0 or ranks[-1] != n)):
        raise ValueError(f"the ranks and sizes do not match: {len(ranks)} ranks, {len(sizes)} sizes, and n={n}")
    return found
