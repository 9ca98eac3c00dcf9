"""Turns: selects the model to score next, so that all models receive equal scoring time.

The batcher holds its lock while it uses `Turns`.
"""

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
    """Interface that a model must have for the batcher.

    Attributes:
        statistics: Counters of the model's requests.
        speed: Recent scoring speed.
        batch_rows: Fastest batch size, in rows.
        device: Device that scores the model. Several models may share a device.
        at_once: Number of batches that the device scores at the same time.
    """

    statistics: Statistics
    speed: ScoringSpeed
    batch_rows: int
    device: str
    at_once: float

    def answer(self, windows: np.ndarray) -> Answers:
        """Returns outputs by name, float32 (n, width), for windows uint8 (n, length)."""


class Batch(NamedTuple):
    """Rows that are scored together.

    Args:
        model: Model that scores the batch.
        queue: Queue of the model.
        slices: Slices of jobs that form the batch, in the order of the batch's rows.
        rows: Number of rows.
        expected: Estimated scoring time in seconds, which is added to the total of the queue until the time has been measured.
    """

    model: Model
    queue: ModelQueue
    slices: list[JobSlice]
    rows: int
    expected: float


class Turns:
    """Queues of all models that have rows waiting or being scored.

    Among the models whose batch is full or has waited long enough, the model that has used the least scoring time is next.

    Args:
        settings: Limits on batch sizes, and the time that rows wait for a batch to become full.
        scorers: Number of scoring threads.
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
        """Whether no rows are waiting."""
        return not any(queue.rows for queue in self._queues.values())

    @property
    def running(self) -> int:
        """Number of batches that are being scored."""
        return self._running.total()

    def queue(self, model: Model) -> ModelQueue | None:
        """Returns the queue of a model, or None if the model has no rows waiting or being scored."""
        return self._queues.get(model)

    def open(self, model: Model, length: int) -> ModelQueue:
        """Returns the queue of a model. Creates the queue if it does not exist.

        A new queue starts with the least scoring time of all queues, so that the new model neither blocks the other models nor waits
        for all of them. If the model had a queue before, the new queue starts with at least the scoring time of the previous queue.
        Otherwise, a slow model would come first every time if its clients send each request after the answer to the last one.
        """
        if model not in self._queues:
            self._queues[model] = ModelQueue(length, max(self._least, self._used.get(model, 0.0)))
        return self._queues[model]

    def wait(self, model: Model, queue: ModelQueue, rows: int, priority: int) -> float:
        """Returns the expected time in seconds until `rows` new rows of a queue can be scored, given the load from other models."""
        sharing = max(1, sum(other.rows > 0 for other in self._queues.values()))
        return queue.ahead(rows, priority) * model.speed.seconds_per_row * sharing / min(self._scorers, model.at_once)

    def next(self, now: float, *, hurry: bool) -> Batch | float | None:
        """Returns the next batch and counts the batch as being scored.

        If no batch is ready, returns the time at which a batch will be ready. Returns None if no rows are waiting, or the threads or the
        device that could score the waiting rows are busy.

        Args:
            now: Current time in seconds.
            hurry: Whether to score incomplete batches without waiting for further rows.
        """
        self._close_queues()
        waiting = {model: queue for model, queue in self._queues.items() if queue.rows and self._idle(model) > 0}
        moments = {model: 0.0 if hurry else self._ready_at(model, queue) for model, queue in waiting.items()}
        ready = [model for model, moment in moments.items() if moment <= now]
        if ready:
            return self._take(min(ready, key=lambda model: self._queues[model].used))
        return min(moments.values(), default=None)

    def end(self, batch: Batch, seconds: float) -> None:
        """Records that a batch has been scored in the given number of seconds."""
        self._running -= Counter((batch.model,))
        batch.queue.used += seconds - batch.expected

    def _close_queues(self) -> None:
        """Removes queues that have no rows waiting or being scored, and remembers the scoring times of these queues."""
        for model, queue in list(self._queues.items()):
            if not queue.rows and not self._running[model]:
                self._used[model] = queue.used
                del self._queues[model]
        self._least = min((queue.used for queue in self._queues.values()), default=self._least)

    def _idle(self, model: Model) -> float:
        """Returns the number of further batches of the model that could be scored now."""
        busy = sum(count for other, count in self._running.items() if other.device == model.device)
        return min(self._scorers - self.running, model.at_once - busy)

    def _ready_at(self, model: Model, queue: ModelQueue) -> float:
        """Returns the time from which the next batch may be scored: 0 if the batch is full, and the end of its waiting time otherwise."""
        return 0.0 if queue.rows >= self._most_rows(model, queue) else queue.since + self._settings.delay_seconds

    def _most_rows(self, model: Model, queue: ModelQueue) -> int:
        return min(model.batch_rows, self._settings.batch_rows_of(queue.length))

    def _take(self, model: Model) -> Batch:
        """Returns the next batch of the model. If several scoring threads are idle, leaves rows for each of them."""
        queue = self._queues[model]
        share = max(SHARE, math.ceil(queue.rows / self._idle(model)))
        slices = queue.take(min(self._most_rows(model, queue), share))
        rows = sum(piece.last - piece.first for piece in slices)
        expected = rows * model.speed.seconds_per_row
        queue.used += expected
        self._running[model] += 1
        return Batch(model, queue, slices, rows, expected)
