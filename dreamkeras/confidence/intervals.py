"""Split conformal intervals: as wide as the errors of predictions for sequences that training did not see.

Of all sequences that are drawn as those were, a share of at least the level has its measurement inside, whatever the model and
the noise (Vovk et al. 2005; Lei et al. 2018). It is a share of all of them, not of the strong or the weak ones alone.
"""

import decimal
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.calibration import find_part
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.scorer import Scorer

__all__ = ["KEPT", "Bounds", "Intervals", "Residuals", "measure_intervals"]

KEPT = 512
"""Residuals of a task that a file carries at most: of more, so many ranks that the share outside is met to within a thirtieth."""

_UP = decimal.Context(prec=7, rounding=decimal.ROUND_CEILING)


class Bounds(NamedTuple):
    """Intervals of some predictions.

    Args:
        low: float32 (n, tasks).
        high: float32 (n, tasks).
    """

    low: np.ndarray
    high: np.ndarray


class Residuals(NamedTuple):
    """How far the measurements of one task were from their predictions.

    Args:
        n: How many there were.
        ranks: int64 (kept,), ascending: which of the n, from 1, in ascending order of their sizes; the last is n.
        sizes: float64 (kept,), their absolute values.
    """

    n: int
    ranks: np.ndarray
    sizes: np.ndarray

    def half_width(self, level: float) -> float:
        """The smallest kept residual whose rank is at least (n + 1) times the level; infinite where n is too small for it."""
        rank = math.ceil(round((self.n + 1) * level, 9))
        return float(self.sizes[np.searchsorted(self.ranks, rank)]) if rank <= self.n else math.inf


class Intervals(NamedTuple):
    """A model's errors on sequences that it was not trained on, from which intervals follow.

    Args:
        residuals: By task, in the model's order.
    """

    residuals: Mapping[str, Residuals]

    @classmethod
    def of(cls, scorer: Scorer) -> "Intervals":
        """Those in a model's calibration.

        Raises:
            ModelError: It has none.
        """
        return cls.from_json(find_part(scorer, "intervals"), scorer.tasks)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], tasks: Sequence[str]) -> "Intervals":
        """The intervals that `to_json` wrote, of these tasks in their order.

        Raises:
            ModelError: It is something else, or of other tasks.
        """
        try:
            found = {task: _residuals(**values) for task, values in fields.items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"Expected the residuals of each task, got {str(fields)[:80]} ({error}).") from None
        if set(found) != set(tasks):
            raise ModelError(f"Expected intervals of {', '.join(tasks)}, got those of {', '.join(found) or 'nothing'}.")
        return cls({task: found[task] for task in tasks})

    def to_json(self) -> dict[str, Any]:
        """JSON-able: `n`, `ranks` and `sizes`, rounded up, by task."""
        return {
            # Rounded up, so that the measurement that was so far off stays inside.
            task: {"n": found.n, "ranks": found.ranks.tolist(), "sizes": [float(_UP.create_decimal_from_float(x)) for x in found.sizes]}
            for task, found in self.residuals.items()
        }

    def half_widths(self, level: float) -> np.ndarray:
        """float64 (tasks,): how far the intervals reach to both sides.

        Raises:
            InputError: The level is not between 0 and 1.
            ModelError: A task has too few residuals for the level.
        """
        if not 0 < level < 1:
            raise InputError(f"Expected a level between 0 and 1, got {level:g}.")
        widths = {task: found.half_width(level) for task, found in self.residuals.items()}
        for task, width in widths.items():
            if math.isinf(width):
                wanted, came = math.ceil(round(level / (1 - level), 9)), self.residuals[task].n
                raise ModelError(f"Expected at least {wanted} validation values for a level of {level:g}, got {came} of {task}.")
        return np.array(list(widths.values()))

    def bounds(self, predicted: np.ndarray, level: float) -> Bounds:
        """Intervals around predictions, float (n, tasks), that hold a share `level` of the measurements, e.g. 0.95.

        Raises:
            InputError: The level is not between 0 and 1.
            ModelError: A task has too few residuals for the level.

        Example:
            >>> found = measure_intervals(np.arange(40.0)[:, None], np.zeros((40, 1)), ["x"])
            >>> [bound.tolist() for bound in found.bounds(np.array([[2.0]]), 0.9)]
            [[[-34.0]], [[38.0]]]
        """
        widths = self.half_widths(level)
        return Bounds((predicted - widths).astype(np.float32), (predicted + widths).astype(np.float32))


def measure_intervals(measured: np.ndarray, predicted: np.ndarray, tasks: Sequence[str]) -> Intervals:
    """The intervals of a model.

    Args:
        measured: float (n, tasks), of sequences that the model was not trained on; NaN where one is missing.
        predicted: float (n, tasks), what it predicts for them.
        tasks: Their names.

    Raises:
        InputError: The shapes differ, or a prediction is not finite.
    """
    if measured.shape != predicted.shape or measured.ndim != 2 or measured.shape[1] != len(tasks):
        raise InputError(f"Expected values of shape (n, {len(tasks)}), got measured {measured.shape} and predicted {predicted.shape}.")
    apart = np.abs(measured.astype(np.float64) - predicted)
    if not np.isfinite(predicted).all():
        raise InputError("Expected finite predictions to calibrate on, got some that are not.")
    return Intervals({task: _thinned(np.sort(sizes[~np.isnan(sizes)])) for task, sizes in zip(tasks, apart.T, strict=True)})


def _thinned(sizes: np.ndarray) -> Residuals:
    """All of few; of many, ranks that come closer and closer together towards the largest."""
    n = len(sizes)
    above = np.unique(np.rint(np.geomspace(1, n, KEPT))).astype(np.int64) if n > KEPT else np.arange(1, n + 1)
    ranks = (n + 1 - above)[::-1]
    return Residuals(n, ranks, sizes[ranks - 1])


def _residuals(n: int, ranks: Sequence[int], sizes: Sequence[float]) -> Residuals:
    found = Residuals(int(n), np.array(ranks, np.int64), np.array(sizes, np.float64))
    if found.ranks.shape != found.sizes.shape or found.ranks.ndim != 1 or (n and (len(ranks) == 0 or ranks[-1] != n)):
        raise ValueError(f"{len(ranks)} ranks of {n} and {len(sizes)} sizes")
    return found
