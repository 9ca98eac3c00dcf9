"""ModelQueue: the requests that wait for one model, and which of their rows are scored next; called under the batcher's lock."""

from collections import Counter, deque

from .jobs import Job, JobSlice

__all__ = ["PRIORITIES", "SHARE", "ModelQueue"]

PRIORITIES = 10
"""Levels of priority, from 1, served first; 0 stands for the one in the middle, as in Triton's schedule policy."""

SHARE = 16
"""Rows that a request gets of a batch while others wait, so that a large one does not hold up small ones."""


class ModelQueue:
    """The jobs of one model, in levels of priority; within a level they take turns.

    Args:
        length: Letters in a window.
        used: Seconds of scoring that the model is charged with, by which models take turns.

    Attributes:
        jobs: Jobs that have rows waiting.
        rows: Rows that wait.
        since: When the rows that wait longest began to; 0 when they are to be scored as soon as possible.
    """

    def __init__(self, length: int, used: float = 0.0) -> None:
        self.length = length
        self.used = used
        self.jobs = 0
        self.rows = 0
        self.since = 0.0
        self._levels: dict[int, deque[Job]] = {}
        self._rows: Counter[int] = Counter()

    def add(self, job: Job) -> None:
        """Puts a job at the end of its level."""
        if not self.rows:
            self.since = job.queued
        self.rows += job.waiting
        self._rows[job.priority] += job.waiting
        self.jobs += 1
        self._levels.setdefault(job.priority, deque()).append(job)

    def withdraw(self, job: Job) -> int:
        """Removes a job whose client has left or waited too long; returns how many of its rows were waiting."""
        left = 0 if job.withdrawn else job.waiting
        job.withdrawn = True
        self.rows -= left
        self._rows[job.priority] -= left
        self.jobs -= left > 0
        return left

    def ahead(self, rows: int, priority: int) -> int:
        """Rows that are scored before the last of so many new ones: all of higher priority, and those of their level that have a turn."""
        turns = max(1, -(-rows // SHARE))
        jobs = len(self._levels.get(priority, ()))
        higher = sum(count for level, count in self._rows.items() if level < priority)
        return higher + min(self._rows[priority], jobs * turns * SHARE)

    def take(self, rows: int) -> list[JobSlice]:
        """The slices of the next batch, of at most so many rows; jobs take turns, each with `SHARE` rows."""
        slices: list[JobSlice] = []
        for level in sorted(self._levels):
            jobs = self._levels[level]
            while jobs and rows:
                job = jobs.popleft()
                count = 0 if job.withdrawn else min(job.waiting, rows, SHARE)
                if count:
                    _extend(slices, job, count)
                    rows -= count
                    self.rows -= count
                    self._rows[level] -= count
                if job.waiting and not job.withdrawn:
                    jobs.append(job)
                else:
                    self.jobs -= not job.withdrawn
            if not jobs:
                del self._levels[level]
        self.since = 0.0
        return slices


def _extend(slices: list[JobSlice], job: Job, count: int) -> None:
    """Adds the job's next rows, to the last slice if that is its own."""
    first = job.taken
    job.taken += count
    if slices and slices[-1].job is job:
        first = slices.pop().first
    slices.append(JobSlice(job, first, job.taken))
