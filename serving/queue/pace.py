"""Pace: how fast a model has scored lately, from which the server works out how long a queue takes."""

__all__ = ["Pace"]

KEPT = 0.9
"""How much of the past counts at each batch: the last ten or so are what it goes by."""


class Pace:
    """Seconds a row, of the last batches; each counts by its rows."""

    __slots__ = ("_rows", "_seconds")

    def __init__(self) -> None:
        self._rows = 0.0
        self._seconds = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Counts a batch."""
        self._rows = KEPT * self._rows + rows
        self._seconds = KEPT * self._seconds + seconds

    @property
    def seconds_per_row(self) -> float:
        """0 before the first batch."""
        return self._seconds / self._rows if self._rows else 0.0
