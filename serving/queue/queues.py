"""ModelQueue: waiting requests of one model, and the selection of the rows to score next.

The batcher holds its lock while it uses a queue.
"""

from collections import Counter, deque

from .jobs import Job, JobSlice

__all__ = ["PRIORITIES", "SHARE", "ModelQueue"]

PRIORITIES = 10
"""Number of priority levels. Level 1 is scored first. Level 0 in a request means the middle level, as in Triton's schedule policy."""

SHARE = 16
"""The next request has its turn after this number of rows of a request, so that large requests do not delay small requests."""


class ModelQueue:
    """Waiting jobs of one model by priority level. Jobs of the same level take turns.

    Args:
        length: Window length in bases.
        used: Total scoring time that the model has used, in seconds. The next batch is taken from the model that has used the least
            scoring time.

    Attributes:
        jobs: Number of jobs with waiting rows.
        rows: Number of waiting rows.
        since: Arrival time of the rows that have waited longest. 0 if the rows should be scored as soon as possible.
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
        """Appends a job to its priority level."""
        if not self.rows:
            self.since = job.queued
        self.rows += job.waiting
        self._rows[job.priority] += job.waiting
        self.jobs += 1
        self._levels.setdefault(job.priority, deque()).append(job)

    def withdraw(self, job: Job) -> int:
        """Removes a job that has been cancelled, has timed out or has failed. Returns the number of the job's rows that were waiting."""
        left = 0 if job.withdrawn else job.waiting
        job.withdrawn = True
        self.rows -= left
        self._rows[job.priority] -= left
        self.jobs -= left > 0
        return left

    def ahead(self, rows: int, priority: int) -> int:
        """Returns the number of waiting rows that would be scored before the last of `rows` new rows with the given priority.

        The number includes all waiting rows of higher priority, and those of the same priority that are scored before the last new row.
        """
        turns = max(1, -(-rows // SHARE))
        jobs = len(self._levels.get(priority, ()))
        higher = sum(count for level, count in self._rows.items() if level < priority)
        return higher + min(self._rows[priority], jobs * turns * SHARE)

    def take(self, rows: int) -> list[JobSlice]:
        """Removes at most `rows` rows from the queue and returns them for the next batch.

        Jobs of a level alternate, with up to `SHARE` rows at a time.
        """
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
    """Adds the next rows of a job to the slices. If the last slice belongs to the same job, that slice is extended."""
    first = job.taken
    job.taken += count
    if slices and slices[-1].job is job:
        first = slices.pop().first
    slices.append(JobSlice(job, first, job.taken))
