"""Turns: which model's rows are scored next, so that models share the scorers by time; called under the batcher's lock."""

import math
from collections import Counter
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from ..settings import Settings
from ..statistics import ScoringSpeed, Statistics
from .jobs import Answers, JobSlice
from .queues import SHARE, ModelQueue

__all__ = ["Batch", "Model", "Turns"]


class Model(Protocol):
    """The part of a model that the batcher uses.

    Attributes:
        statistics: Where its requests are counted.
        speed: How fast it scores.
        batch_rows: Rows of a batch from which on more are no faster.
        device: Where it is scored; models may share it.
        at_once: Batches that its device scores at one time.
    """

    statistics: Statistics
    speed: ScoringSpeed
    batch_rows: int
    device: str
    at_once: float

    def answer(self, windows: np.ndarray) -> Answers:
        """Float32 (n, width) of each output by its name, for windows uint8 (n, length)."""


class Batch(NamedTuple):
    """Rows that are scored together.

    Args:
        model: The model that scores them.
        queue: The queue that they waited in.
        slices: Which rows of which jobs.
        rows: How many.
        expected: Seconds that the queue is charged with until the real ones are known.
    """

    model: Model
    queue: ModelQueue
    slices: list[JobSlice]
    rows: int
    expected: float


class Turns:
    """The queues of all models that have rows waiting or being scored.

    The next batch is of the model that has used the least time, among those whose batch is full or has waited long enough.

    Args:
        settings: Bounds of batches, and how long they wait to become full.
        scorers: Batches scored at one time.
    """

    def __init__(self, settings: Settings, scorers: int) -> None:
        self._settings = settings
        self._scorers = scorers
        self._queues: dict[Model, ModelQueue] = {}
        self._running: Counter[Model] = Counter()
        self._used: WeakKeyDictionary[Model, float] = WeakKeyDictionary()
        self._least = 0.0

    @property
    def empty(self) -> bool:
        """Whether no rows wait."""
        return not any(queue.rows for queue in self._queues.values())

    @property
    def running(self) -> int:
        """Batches that are being scored."""
        return self._running.total()

    def queue(self, model: Model) -> ModelQueue | None:
        """The queue of a model that has rows waiting or being scored."""
        return self._queues.get(model)

    def open(self, model: Model, length: int) -> ModelQueue:
        """The queue of a model, or a new one.

        A new queue is charged with as much time as the queue that used the least, so that it is neither first for long nor last; and
        with no less than the model's last queue, so that a slow model whose clients wait for each answer has no new turn with each.
        """
        if model not in self._queues:
            self._queues[model] = ModelQueue(length, max(self._least, self._used.get(model, 0.0)))
        return self._queues[model]

    def wait(self, model: Model, queue: ModelQueue, rows: int, priority: int) -> float:
        """Expected seconds until so many new rows of a queue are scored, beside those of other models."""
        sharing = max(1, sum(other.rows > 0 for other in self._queues.values()))
        return queue.ahead(rows, priority) * model.speed.seconds_per_row * sharing / min(self._scorers, model.at_once)

    def next(self, now: float, *, hurry: bool) -> Batch | float | None:
        """The next batch, which then counts as being scored; or the time at which there will be one, if that is known.

        Args:
            now: The time.
            hurry: Whether batches do not wait to become full.
        """
        self._close_queues()
        waiting = {model: queue for model, queue in self._queues.items() if queue.rows and self._idle(model) > 0}
        moments = {model: 0.0 if hurry else self._ready_at(model, queue) for model, queue in waiting.items()}
        ready = [model for model, moment in moments.items() if moment <= now]
        if ready:
            return self._take(min(ready, key=lambda model: self._queues[model].used))
        return min(moments.values(), default=None)

    def end(self, batch: Batch, seconds: float) -> None:
        """Records that a batch has been scored, and in how many seconds."""
        self._running -= Counter((batch.model,))
        batch.queue.used += seconds - batch.expected

    def _close_queues(self) -> None:
        """Removes queues without rows waiting or being scored; the time that they used is kept."""
        for model, queue in list(self._queues.items()):
            if not queue.rows and not self._running[model]:
                self._used[model] = queue.used
                del self._queues[model]
        self._least = min((queue.used for queue in self._queues.values()), default=self._least)

    def _idle(self, model: Model) -> float:
        """How many more batches of the model could be scored now."""
        busy = sum(count for other, count in self._running.items() if other.device == model.device)
        return min(self._scorers - self.running, model.at_once - busy)

    def _ready_at(self, model: Model, queue: ModelQueue) -> float:
        """When the queue's next batch may be scored, whether it is full by then or not."""
        return 0.0 if queue.rows >= self._most_rows(model, queue) else queue.since + self._settings.delay_seconds

    def _most_rows(self, model: Model, queue: ModelQueue) -> int:
        return min(model.batch_rows, self._settings.batch_rows_of(queue.length))

    def _take(self, model: Model) -> Batch:
        """The model's next batch; it leaves idle scorers their share of the waiting rows."""
        queue = self._queues[model]
        share = max(SHARE, math.ceil(queue.rows / self._idle(model)))
        slices = queue.take(min(self._most_rows(model, queue), share))
        rows = sum(piece.last - piece.first for piece in slices)
        expected = rows * model.speed.seconds_per_row
        queue.used += expected
        self._running[model] += 1
        return Batch(model, queue, slices, rows, expected)
