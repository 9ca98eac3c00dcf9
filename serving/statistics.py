"""Collects request statistics of one model, as in Triton's statistics extension, and the recent scoring speed of the model.

The classes are not thread-safe. The batcher changes the counters under its lock. Other code reads the counters without a lock, since each
counter is a single integer.
"""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["FAILURES", "SIZES", "Duration", "ScoringSpeed", "Statistics"]

FAILURES = ("REJECTED", "CANCELED", "BACKEND", "OTHER")
"""Reasons of a failure, with Triton's names.

`REJECTED`: the request was refused or timed out. `CANCELED`: the client disconnected. `BACKEND`: the model failed. `OTHER`: any other
reason.
"""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Upper bounds of the histogram buckets for rows per batch."""

NANOSECONDS = 1e9

KEPT = 0.9
"""With each new batch, the weights of all earlier batches are multiplied by this factor. The scoring speed depends mostly on the last ten
batches.
"""


@dataclass(slots=True)
class Duration:
    """Number of events and their total time."""

    count: int = 0
    ns: int = 0

    def add(self, seconds: float, count: int = 1) -> None:
        """Adds `count` events that each took the given number of seconds."""
        self.count += count
        self.ns += count * round(seconds * NANOSECONDS)

    def to_json(self) -> dict[str, int]:
        """Returns `{"count": ..., "ns": ...}`, with the total time in nanoseconds."""
        return {"count": self.count, "ns": self.ns}


class Compute(NamedTuple):
    """Times of the three steps of a batch: joining rows, scoring, and distributing predictions."""

    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration

    def add(self, seconds: tuple[float, float, float]) -> None:
        """Adds the times of the three steps of one batch or request."""
        for duration, took in zip(self, seconds, strict=True):
            duration.add(took)

    def to_json(self) -> dict[str, Any]:
        """Returns the count and the time of each step by name."""
        return {name: duration.to_json() for name, duration in self._asdict().items()}


def _compute() -> Compute:
    return Compute(Duration(), Duration(), Duration())


class Statistics:
    """Counters of one version of a model. Reloading the model does not reset the counters.

    Attributes:
        success: Number of answered requests, and their total time from the queue to the answer.
        failures: Number of failed requests by reason, one of `FAILURES`.
        fail: Number of failed requests, and their total time.
        queue: Number of answered requests, and their total waiting time until the first rows were put in a batch.
        compute: Number of answered requests, and their total time in each step.
        rows: Number of scored rows.
        batches: Number of scored batches and their total time in each step, by number of rows per batch.
        last: Unix time of the last scored batch, in milliseconds.
    """

    def __init__(self) -> None:
        self.success = Duration()
        self.failures: Counter[str] = Counter(dict.fromkeys(FAILURES, 0))
        self.fail = Duration()
        self.queue = Duration()
        self.compute = _compute()
        self.rows = 0
        self.batches: dict[int, Compute] = {}
        self.last = 0

    def add_batch(self, rows: int, seconds: tuple[float, float, float]) -> None:
        """Adds a scored batch."""
        self.rows += rows
        self.last = time.time_ns() // 1_000_000
        self.batches.setdefault(rows, _compute()).add(seconds)

    def add_success(self, total: float, queued: float, compute: tuple[float, float, float]) -> None:
        """Adds an answered request. All times are in seconds."""
        self.success.add(total)
        self.queue.add(queued)
        self.compute.add(compute)

    def add_failure(self, reason: str, total: float) -> None:
        """Adds a failed request. `reason` is one of `FAILURES`, and `total` is the time of the request in seconds."""
        self.failures[reason] += 1
        self.fail.add(total)

    @property
    def executions(self) -> int:
        """Number of scored batches."""
        return sum(compute.compute_infer.count for compute in self.batches.values())

    def to_json(self) -> dict[str, Any]:
        """Returns the statistics with the fields of Triton's `model_stats`, except for name and version."""
        nothing = Duration().to_json()
        inference = {"success": self.success.to_json(), "fail": self.fail.to_json(), "queue": self.queue.to_json()}
        return {
            "last_inference": self.last,
            "inference_count": self.rows,
            "execution_count": self.executions,
            "inference_stats": {**inference, **self.compute.to_json(), "cache_hit": nothing, "cache_miss": nothing},
            "batch_stats": [{"batch_size": rows, **self.batches[rows].to_json()} for rows in sorted(self.batches)],
            "memory_usage": [],
        }


@dataclass(slots=True)
class ScoringSpeed:
    """Recent scoring time per row: the time of the last batches divided by their rows, with less weight for older batches.

    The batcher uses this speed to estimate waiting times.
    """

    _rows: float = 0.0
    _seconds: float = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Adds a batch."""
        self._rows = KEPT * self._rows + rows
        self._seconds = KEPT * self._seconds + seconds

    @property
    def seconds_per_row(self) -> float:
        """Scoring time per row in seconds. 0 before the first batch."""
        return self._seconds / self._rows if self._rows else 0.0
