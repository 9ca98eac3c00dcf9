"""Batcher: rows of many requests are scored together, by a few threads for all models, in bounded memory and bounded time.

Knows nothing about HTTP or ONNX: a model is what answers windows.
"""

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from dreamkeras.scoring.cpus import available_cpus

from .admission import OverloadedError, check_room, refusal
from .jobs import Answers, Job, Part, Seconds, deliver, expire, hand_out, join_rows
from .pace import Pace
from .queues import PRIORITIES, SHARE, ModelQueue
from .settings import Settings
from .statistics import Statistics
from .tensors import ProtocolError

__all__ = ["Batcher", "Model"]


class Model(Protocol):
    """What the batcher asks."""

    @property
    def statistics(self) -> Statistics:
        """Where its requests are counted."""

    @property
    def pace(self) -> Pace:
        """How fast it scores."""

    @property
    def batch_rows(self) -> int:
        """Rows at once from which on more are no faster."""

    @property
    def at_once(self) -> float:
        """Batches that may be scored at one time."""

    def answer(self, windows: np.ndarray) -> Answers:
        """Float32 (n, width) of each output by its name, for windows uint8 (n, length)."""


class _Batch(NamedTuple):
    model: Model
    queue: ModelQueue
    parts: list[Part]


class Batcher:
    """The queues of all models, and the scorers, threads that work them off, each a batch at a time.

    The next batch is of the model that has had least of their time among those whose batch is full or has waited long
    enough. Its rows are of the requests of the first priority, which take turns.

    Args:
        settings: Bounds of batches, queues and waiting.
        clock: Seconds from some point on; another in tests.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.perf_counter) -> None:
        self._settings = settings
        self._clock = clock
        self._queues: dict[Model, ModelQueue] = {}
        self._bytes = 0
        self._closing = False
        self._wake = threading.Condition()
        self._scorers = settings.scorers or available_cpus()
        self._threads: list[threading.Thread] = []
        self._running: Counter[Model] = Counter()

    def start(self) -> None:
        """Begins to score, also when it was closed before."""
        self._closing = False
        self._threads = [threading.Thread(target=self._work, name=f"scorer-{number}", daemon=True) for number in range(self._scorers)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Scores what waits, refuses what comes, and returns when the scorers have ended."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def alive(self) -> bool:
        """Whether rows are being scored, or would be."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def check_room(self, model: Model) -> None:
        """Refuses what would be refused however small it is, before any work is done for it.

        Raises:
            OverloadedError: Too much is waiting.
        """
        with self._wake:
            if queue := self._queues.get(model):
                self._check_room(model, queue, 0, self._settings.timeout_seconds)

    def waiting(self, model: Model) -> tuple[int, int]:
        """Requests that wait for a model, and their rows."""
        queue = self._queues.get(model)
        return (queue.jobs, queue.rows) if queue else (0, 0)

    async def score(self, model: Model, windows: np.ndarray, within: float | None = None, priority: int = 0) -> Answers:
        """What a model answers, in the batches that it happens to share with others.

        Cancelling the call, and the end of its time, takes those of its rows that wait out of the queue.

        Args:
            model: The model.
            windows: uint8 (n, length), n at least 1; not to be changed meanwhile.
            within: Seconds until the answers are of no use; the settings' timeout if None or longer.
            priority: From 1, served first, to `PRIORITIES`; 0 is the one in the middle, and larger numbers are the last.

        Returns:
            float32 (n, width) of each output, by its name.

        Raises:
            OverloadedError: Too much is waiting; told at once.
            ProtocolError: The time is over, or the model failed.
        """
        longest = self._settings.timeout_seconds
        within = longest if within is None else min(within, longest)
        loop = asyncio.get_running_loop()
        job = Job(windows, loop.create_future(), self._clock(), min(priority, PRIORITIES) or PRIORITIES // 2)
        queue = self._admit(model, job, within)
        timer = loop.call_later(within, expire, job)
        try:
            return await job.future
        except TimeoutError:
            self._withdraw(model, queue, job, "REJECTED")
            raise ProtocolError(f"Expected an answer within {within:g} seconds, got none: Request timeout expired.", 503) from None
        except asyncio.CancelledError:
            self._withdraw(model, queue, job, "CANCELED")
            raise
        finally:
            timer.cancel()

    def _admit(self, model: Model, job: Job, within: float) -> ModelQueue:
        with self._wake:
            queue = self._queues.get(model) or ModelQueue(job.windows.shape[1], self._least_used())
            self._check_room(model, queue, len(job.windows), within)
            self._queues[model] = queue
            queue.add(job)
            self._bytes += job.windows.nbytes
            self._wake.notify()
            return queue

    def _least_used(self) -> float:
        """A queue that begins has had as much time as the one that had least: neither first for long nor last."""
        return min((queue.used for queue in self._queues.values()), default=0.0)

    def _check_room(self, model: Model, queue: ModelQueue, rows: int, within: float) -> None:
        wait = queue.rows * model.pace.seconds_per_row * max(1, len(self._queues)) / min(self._scorers, model.at_once)
        try:
            if self._closing:
                raise refusal("the server is stopping")
            check_room(self._settings, queue, rows, self._bytes, wait, within)
        except OverloadedError:
            model.statistics.add_failure("REJECTED", 0)
            raise

    def _withdraw(self, model: Model, queue: ModelQueue, job: Job, reason: str) -> None:
        with self._wake:
            if not job.withdrawn and job.scored < len(job.windows):
                self._bytes -= queue.withdraw(job) * queue.length
                model.statistics.add_failure(reason, self._clock() - job.queued)

    def _work(self) -> None:
        while batch := self._next_batch():
            self._score(batch)

    def _next_batch(self) -> _Batch | None:
        """Waits for one; None when the batcher is closing and nothing waits."""
        with self._wake:
            while True:
                self._queues = {model: queue for model, queue in self._queues.items() if queue.rows}
                if not self._queues and self._closing:
                    self._wake.notify_all()
                    return None
                moments = {model: self._ready_at(model, queue) for model, queue in self._queues.items() if self._has_turn(model)}
                now = self._clock()
                ready = [model for model, moment in moments.items() if moment <= now]
                if ready:
                    return self._take(min(ready, key=lambda model: self._queues[model].used))
                self._wake.wait(min(moments.values()) - now if moments else None)

    def _has_turn(self, model: Model) -> bool:
        return self._running[model] < model.at_once

    def _ready_at(self, model: Model, queue: ModelQueue) -> float:
        """When the queue's next batch may be scored, whether it is full by then or not."""
        full = self._closing or queue.rows >= self._batch_rows(model, queue)
        return 0.0 if full else queue.since + self._settings.delay_seconds

    def _batch_rows(self, model: Model, queue: ModelQueue) -> int:
        return max(1, min(model.batch_rows, self._settings.batch_rows, self._settings.batch_bytes // queue.length))

    def _take(self, model: Model) -> _Batch:
        """The model's next batch; scorers that are idle get their part of what waits."""
        queue = self._queues[model]
        idle = min(self._scorers - self._running.total(), model.at_once - self._running[model])
        parts = queue.take(min(self._batch_rows(model, queue), max(SHARE, math.ceil(queue.rows / idle))))
        self._bytes -= sum(part.nbytes for part in parts)
        self._running[model] += 1
        self._wake.notify()
        now = self._clock()
        for job, _, _ in parts:
            job.started = now if job.started is None else job.started
        return _Batch(model, queue, parts)

    def _score(self, batch: _Batch) -> None:
        begun = self._clock()
        try:
            windows = join_rows(batch.parts)
            joined = self._clock()
            answers = batch.model.answer(windows)
            answered = self._clock()
            hand_out(answers, batch.parts)
        except Exception as error:  # noqa: BLE001 - whatever a model does, the thread goes on with the others
            self._fail(batch, error)
            return
        self._finish(batch, (joined - begun, answered - joined, self._clock() - answered))

    def _finish(self, batch: _Batch, took: Seconds) -> None:
        statistics, rows, done = batch.model.statistics, sum(last - first for _, first, last in batch.parts), []
        with self._wake:
            self._running -= Counter((batch.model,))
            batch.queue.used += sum(took)
            batch.model.pace.add(rows, sum(took))
            statistics.add_batch(rows, took)
            now = self._clock()
            for job, first, last in batch.parts:
                if job.add(last - first, took) and not job.withdrawn:
                    statistics.add_success(now - job.queued, (job.started or now) - job.queued, job.compute)
                    done.append(job)
        deliver(done)

    def _fail(self, batch: _Batch, error: Exception) -> None:
        failed = []
        with self._wake:
            self._running -= Counter((batch.model,))
            for job, _, _ in batch.parts:
                if not job.withdrawn:
                    self._bytes -= batch.queue.withdraw(job) * batch.queue.length
                    batch.model.statistics.add_failure("BACKEND", self._clock() - job.queued)
                    failed.append(job)
        deliver(failed, ProtocolError(" ".join(str(error).split()) or type(error).__name__, 503))
