"""Batcher: scores rows of many requests together, with one pool of threads for all models. Memory and waiting time are limited.

The module does not depend on HTTP or ONNX.
"""

import asyncio
import threading
import time
from collections.abc import Callable

import numpy as np

from dreamkeras.errors import one_line
from dreamkeras.scoring.cpus import available_cpus

from ..errors import OverloadedError, ProtocolError
from ..settings import Settings
from .admission import check_queue, refusal
from .jobs import Answers, Job, Seconds, deliver, expire, hand_out, join_rows
from .queues import PRIORITIES, ModelQueue
from .turns import Batch, Model, Turns

__all__ = ["Batcher"]


class Batcher:
    """Queues of all models, and the scoring threads. Each thread scores one batch at a time.

    `Turns` selects the next model, and `ModelQueue` selects the next requests of a model.

    Args:
        settings: Limits on batches, queues and waiting times.
        clock: Function that returns the time in seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.perf_counter) -> None:
        self._settings = settings
        self._clock = clock
        self._bytes = 0
        self._closing = False
        self._wake = threading.Condition()
        self._scorers = settings.scorers or available_cpus()
        self._turns = Turns(settings, self._scorers)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the scoring threads. The batcher can be started again after `close`."""
        self._closing = False
        self._threads = [threading.Thread(target=self._work, name=f"scorer-{number}", daemon=True) for number in range(self._scorers)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Refuses new rows, scores the waiting rows, and returns when the scoring threads have ended."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def alive(self) -> bool:
        """Whether all scoring threads are running."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def check_room(self, model: Model) -> None:
        """Raises `OverloadedError` if a request with default priority would be refused even with a single row.

        The server calls this method before it decodes a request.
        """
        with self._wake:
            if queue := self._turns.queue(model):
                self._check(model, queue, 0, self._settings.timeout_seconds, PRIORITIES // 2)

    def waiting(self, model: Model) -> tuple[int, int]:
        """Returns the number of waiting requests of a model, and the number of waiting rows."""
        queue = self._turns.queue(model)
        return (queue.jobs, queue.rows) if queue else (0, 0)

    async def score(self, model: Model, windows: np.ndarray, within: float | None = None, priority: int = 0) -> Answers:
        """Returns the outputs of a model for windows, scored in batches shared with other requests.

        If the call is cancelled or times out, its waiting rows are removed from the queue.

        Args:
            model: The model.
            windows: Windows to score, uint8 (n, length), with n at least 1. The array must not be changed during the call.
            within: Timeout in seconds. If None or longer than `timeout_seconds` of the settings, `timeout_seconds` is used.
            priority: Priority from 1, the highest, to `PRIORITIES`. 0 means the default, the middle of the range. Larger numbers are
                treated as `PRIORITIES`.

        Returns:
            Outputs by name, float32 (n, width).

        Raises:
            OverloadedError: The queue is full. Raised immediately.
            ProtocolError: The timeout has expired, or the model failed.
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
            raise ProtocolError(f"Request timeout expired: no answer within {within:g} seconds.", 503) from None
        except asyncio.CancelledError:
            self._withdraw(model, queue, job, "CANCELED")
            raise
        finally:
            timer.cancel()

    def _admit(self, model: Model, job: Job, within: float) -> ModelQueue:
        with self._wake:
            queue = self._turns.open(model, job.windows.shape[1])
            self._check(model, queue, len(job.windows), within, job.priority)
            queue.add(job)
            self._bytes += job.windows.nbytes
            self._wake.notify()
            return queue

    def _check(self, model: Model, queue: ModelQueue, rows: int, within: float, priority: int) -> None:
        wait = self._turns.wait(model, queue, rows, priority)
        try:
            if self._closing:
                raise refusal("the server is shutting down")
            check_queue(self._settings, queue, rows, self._bytes, wait, within)
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

    def _next_batch(self) -> Batch | None:
        """Waits for the next batch. Returns None if the batcher is closing and no rows are waiting."""
        with self._wake:
            while not (self._closing and self._turns.empty):
                now = self._clock()
                found = self._turns.next(now, hurry=self._closing)
                if isinstance(found, Batch):
                    self._bytes -= found.rows * found.queue.length
                    self._wake.notify()
                    for job, _, _ in found.slices:
                        job.started = now if job.started is None else job.started
                    return found
                self._wake.wait(None if found is None else found - now)
            self._wake.notify_all()
            return None

    def _score(self, batch: Batch) -> None:
        begun = self._clock()
        try:
            windows = join_rows(batch.slices)
            joined = self._clock()
            answers = batch.model.answer(windows)
            answered = self._clock()
            hand_out(answers, batch.slices)
        except Exception as error:  # noqa: BLE001 - the thread must survive to score other batches
            self._fail(batch, error)
            return
        self._finish(batch, (joined - begun, answered - joined, self._clock() - answered))

    def _finish(self, batch: Batch, took: Seconds) -> None:
        statistics, done = batch.model.statistics, []
        with self._wake:
            self._turns.end(batch, sum(took))
            batch.model.speed.add(batch.rows, sum(took))
            statistics.add_batch(batch.rows, took)
            now = self._clock()
            for job, first, last in batch.slices:
                if job.add(last - first, took) and not job.withdrawn:
                    started = now if job.started is None else job.started
                    statistics.add_success(now - job.queued, started - job.queued, job.compute)
                    done.append(job)
        deliver(done)

    def _fail(self, batch: Batch, error: Exception) -> None:
        failed = []
        with self._wake:
            self._turns.end(batch, 0.0)
            for job, _, _ in batch.slices:
                if not job.withdrawn:
                    self._bytes -= batch.queue.withdraw(job) * batch.queue.length
                    batch.model.statistics.add_failure("BACKEND", self._clock() - job.queued)
                    failed.append(job)
        deliver(failed, ProtocolError(one_line(error), 503))
