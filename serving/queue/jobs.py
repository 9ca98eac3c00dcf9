"""Job: the rows of one request. The functions join rows of several jobs into a batch and distribute the predictions to the jobs."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

__all__ = ["Answers", "Job", "JobSlice", "Seconds", "deliver", "expire", "hand_out", "join_rows"]

Answers = dict[str, np.ndarray]
"""Outputs of a model by name, float32 (n, width)."""

Seconds = tuple[float, float, float]
"""Times in seconds of the three steps of a batch: joining rows, scoring, and distributing predictions."""


@dataclass(slots=True, eq=False)
class Job:
    """The rows of one request.

    Args:
        windows: Windows of the request, uint8 (n, length).
        future: Future that receives the outputs or an exception.
        queued: Arrival time of the request, in seconds of the batcher's clock.
        priority: Priority level. Smaller numbers are scored first.
        answers: Outputs of the rows that have already been scored.
        taken: Number of rows that have been put in a batch.
        scored: Number of scored rows.
        started: Time at which the first rows were put in a batch. None if all rows are still waiting.
        compute: Total times of joining rows, scoring, and distributing predictions, over the batches with rows of the job.
        withdrawn: Whether the request has been cancelled, has timed out or has failed.
    """

    windows: np.ndarray
    future: asyncio.Future[Answers]
    queued: float
    priority: int
    answers: Answers = field(default_factory=dict)
    taken: int = 0
    scored: int = 0
    started: float | None = None
    compute: Seconds = (0.0, 0.0, 0.0)
    withdrawn: bool = False

    @property
    def waiting(self) -> int:
        """Number of rows that are not in a batch yet."""
        return len(self.windows) - self.taken

    def add(self, rows: int, took: Seconds) -> bool:
        """Adds rows and times of a scored batch to the totals. Returns whether all rows of the job have been scored."""
        self.scored += rows
        self.compute = (self.compute[0] + took[0], self.compute[1] + took[1], self.compute[2] + took[2])
        return self.scored == len(self.windows)


class JobSlice(NamedTuple):
    """Consecutive rows of a batch: the rows `first` to `last` (exclusive) of one job."""

    job: Job
    first: int
    last: int


def join_rows(slices: Sequence[JobSlice]) -> np.ndarray:
    """Joins the rows of a batch into one array, uint8 (n, length)."""
    rows = [job.windows[first:last] for job, first, last in slices]
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def hand_out(answers: Answers, slices: Sequence[JobSlice]) -> None:
    """Copies the outputs of a batch to its jobs. A job whose rows are all in the batch receives views of the outputs.

    Several threads may add outputs to the same job. `setdefault` makes all threads write to one array per output.
    """
    start = 0
    for job, first, last in slices:
        stop, whole = start + last - first, last - first == len(job.windows)
        for name, values in answers.items():
            if whole:
                job.answers[name] = values[start:stop]
                continue
            if name not in job.answers:
                job.answers.setdefault(name, np.empty((len(job.windows), values.shape[1]), values.dtype))
            job.answers[name][first:last] = values[start:stop]
        start = stop


def deliver(jobs: Sequence[Job], error: Exception | None = None) -> None:
    """Resolves the futures of jobs from a scoring thread. Each event loop is woken only once."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, own in loops.items():
        with contextlib.suppress(RuntimeError):  # the event loop of the request has been closed
            loop.call_soon_threadsafe(_resolve, own, error)


def expire(job: Job) -> None:
    """Sets a `TimeoutError` on the future of a job, unless the job is finished."""
    if not job.future.done():
        job.future.set_exception(TimeoutError())


def _resolve(jobs: Sequence[Job], error: Exception | None) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if error is None:
            job.future.set_result(job.answers)
        else:
            job.future.set_exception(error)
