"""Statistics of one model: its requests, counted as in Triton's statistics extension, and its recent speed.

Knows nothing about threads; the batcher changes them under its lock, and readers see whole numbers.
"""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["FAILURES", "SIZES", "Duration", "ScoringSpeed", "Statistics"]

FAILURES = ("REJECTED", "CANCELED", "BACKEND", "OTHER")
"""Why requests fail, in Triton's words: refused or too late; its client has disconnected; the model failed; anything else."""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Upper ends of the classes in which rows of batches are counted for Prometheus."""

NANOSECONDS = 1e9

KEPT = 0.9
"""Weight that a model's past speed keeps at each batch: about the last ten batches count."""


@dataclass(slots=True)
class Duration:
    """How often something was done, and its total time."""

    count: int = 0
    ns: int = 0

    def add(self, seconds: float, count: int = 1) -> None:
        """Counts something that was done `count` times, in so many seconds each."""
        self.count += count
        self.ns += count * round(seconds * NANOSECONDS)

    def to_json(self) -> dict[str, int]:
        """`{"count": ..., "ns": ...}`."""
        return {"count": self.count, "ns": self.ns}


class Compute(NamedTuple):
    """The three stages of a batch: its rows are joined, scored, and handed out."""

    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration

    def add(self, seconds: tuple[float, float, float]) -> None:
        """Counts one batch or request."""
        for duration, took in zip(self, seconds, strict=True):
            duration.add(took)

    def to_json(self) -> dict[str, Any]:
        """The stages by their names."""
        return {name: duration.to_json() for name, duration in self._asdict().items()}


def _compute() -> Compute:
    return Compute(Duration(), Duration(), Duration())


class Statistics:
    """The counts of one version of a model; they continue when its file is loaded anew.

    Attributes:
        success: Requests that were answered, with their time since they were queued.
        failures: Requests that were not, by one of `FAILURES`.
        fail: The same, with their time.
        queue: Time of answered requests until their first rows were scored.
        compute: Time of answered requests in each stage.
        rows: Rows scored.
        batches: Batches scored, by their rows, with their time in each stage.
        last: When the last batch was scored, in milliseconds of Unix time.
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
        """Counts a batch that was scored."""
        self.rows += rows
        self.last = time.time_ns() // 1_000_000
        self.batches.setdefault(rows, _compute()).add(seconds)

    def add_success(self, total: float, queued: float, compute: tuple[float, float, float]) -> None:
        """Counts a request that was answered; all in seconds."""
        self.success.add(total)
        self.queue.add(queued)
        self.compute.add(compute)

    def add_failure(self, reason: str, total: float) -> None:
        """Counts a request that was not answered, by one of `FAILURES`."""
        self.failures[reason] += 1
        self.fail.add(total)

    @property
    def executions(self) -> int:
        """Batches scored."""
        return sum(compute.compute_infer.count for compute in self.batches.values())

    def to_json(self) -> dict[str, Any]:
        """The members of an element of Triton's `model_stats`, except name and version."""
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
    """Seconds a row, over the last batches, each weighted by its rows; the expected wait in a queue is computed from it."""

    _rows: float = 0.0
    _seconds: float = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Counts a batch."""
        self._rows = KEPT * self._rows + rows
        self._seconds = KEPT * self._seconds + seconds

    @property
    def seconds_per_row(self) -> float:
        """0 before the first batch."""
        return self._seconds / self._rows if self._rows else 0.0
