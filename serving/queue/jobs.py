"""Job: one request's rows; how rows of several jobs are joined to a batch, and its answers are handed out to them."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

__all__ = ["Answers", "Job", "JobSlice", "Seconds", "deliver", "expire", "hand_out", "join_rows"]

Answers = dict[str, np.ndarray]
"""Float32 (n, width) of each output of a model, by its name."""

Seconds = tuple[float, float, float]
"""Time of a batch to join its rows, to score them and to hand out the answers."""


@dataclass(slots=True, eq=False)
class Job:
    """One request's rows.

    Args:
        windows: uint8 (n, length).
        future: Takes the answers, or the exception.
        queued: When it came, in seconds of the batcher's clock.
        priority: The smaller, the sooner.
        answers: Outputs of the rows that have been scored.
        taken: Rows that batches have taken.
        scored: Rows that have been scored.
        started: When the first batch took some; None before.
        compute: Seconds of the batches that it was part of.
        withdrawn: Whether its client has left or waited too long.
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
        """Rows that no batch has taken."""
        return len(self.windows) - self.taken

    def add(self, rows: int, took: Seconds) -> bool:
        """Counts rows that a batch has scored; whether they were the last ones."""
        self.scored += rows
        self.compute = (self.compute[0] + took[0], self.compute[1] + took[1], self.compute[2] + took[2])
        return self.scored == len(self.windows)


class JobSlice(NamedTuple):
    """Rows `first` to `last` of a job, consecutive in a batch."""

    job: Job
    first: int
    last: int


def join_rows(slices: Sequence[JobSlice]) -> np.ndarray:
    """The windows of a batch, uint8 (n, length)."""
    rows = [job.windows[first:last] for job, first, last in slices]
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def hand_out(answers: Answers, slices: Sequence[JobSlice]) -> None:
    """Gives each job its rows of a batch's answers; views, if all of its rows are in the batch.

    Several threads may do so for one job; `setdefault` makes them agree on the array.
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
    """Resolves the futures of jobs, from another thread; each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, own in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(_resolve, own, error)


def expire(job: Job) -> None:
    """Fails a job with a `TimeoutError`, unless it is done."""
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
