"""Admission control: refuses requests when too many rows are waiting."""

import math

from ..errors import OverloadedError
from ..settings import Settings
from .queues import ModelQueue

__all__ = ["check_queue", "refusal"]


def check_queue(settings: Settings, queue: ModelQueue, rows: int, held: int, wait: float, within: float) -> None:
    """Raises `OverloadedError` if further rows would exceed the limits.

    An empty queue has an expected wait of 0 and therefore accepts rows, so that a wrong estimate of the scoring speed is corrected when
    these rows are scored.

    Args:
        settings: Limits of the queue.
        queue: Queue of the model.
        rows: Number of new rows.
        held: Number of bases waiting in the queues of all models.
        wait: Expected time in seconds until the rows are scored.
        within: Timeout of the client in seconds.
    """
    full = queue.rows + rows > settings.queue_rows or (held and held + rows * queue.length > settings.queue_bytes)
    if full or wait > min(settings.queue_seconds, within):
        what = "Exceeds maximum queue size" if full else f"the expected wait of {wait:.1f} seconds is too long"
        raise refusal(f"{what}, {queue.rows} rows are waiting", wait)


def refusal(reason: str, wait: float = 0.0) -> OverloadedError:
    """Returns the error for a refused request. `wait` is the expected wait in seconds."""
    return OverloadedError(f"Request refused: {reason}.", max(1, math.ceil(wait)))
