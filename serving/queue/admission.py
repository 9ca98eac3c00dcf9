"""Admission: requests that are refused because too many rows are waiting."""

import math

from ..errors import OverloadedError
from ..settings import Settings
from .queues import ModelQueue

__all__ = ["check_queue", "refusal"]


def check_queue(settings: Settings, queue: ModelQueue, rows: int, held: int, wait: float, within: float) -> None:
    """Raises `OverloadedError` for rows that would exceed the bounds.

    Rows in front of which none wait are never refused, or a wrong estimate of the speed would last for ever.

    Args:
        settings: The bounds.
        queue: Where they would wait.
        rows: How many they are.
        held: Letters that wait for all models.
        wait: Expected seconds until they are scored.
        within: Seconds that their client waits.
    """
    full = queue.rows + rows > settings.queue_rows or (held and held + rows * queue.length > settings.queue_bytes)
    if full or wait > min(settings.queue_seconds, within):
        what = "maximum queue size" if full else f"longest wait, {wait:.1f} seconds"
        raise refusal(f"Exceeds {what}, {queue.rows} rows are waiting", wait)


def refusal(reason: str, wait: float = 0.0) -> OverloadedError:
    """The error for a full queue; `wait` is the expected wait in seconds."""
    return OverloadedError(f"Expected room in the queue, got none: {reason}.", max(1, math.ceil(wait)))
