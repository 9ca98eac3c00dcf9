"""Records: a batch of named sequences with the file and line of each sequence."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from dreamkeras.files.inputs import source_name
from dreamkeras.sequence.ragged import Ragged, batch_bounds

__all__ = ["BATCH_LETTERS", "BATCH_ROWS", "Records", "numbered"]

BATCH_ROWS = 8192
"""Default maximum number of records in a batch."""

BATCH_LETTERS = 1 << 22
"""Maximum number of letters in a batch of several records, to limit the memory that long sequences need."""


class Records(NamedTuple):
    """A batch of named sequences from a file.

    Args:
        ids: Names of the n records.
        sequences: The n sequences, with letters as in the file.
        lines: Line number at which each record begins, counted from 1, int64 (n,).
        source: Path of the file, for messages. `-` is standard input.
        padding: Numbers of letters before and after the named part of each sequence, int64 (n, 2). The letters before and after are `N`,
            because a window extends beyond the ends of its contig. None if all sequences are complete.
        names: Names of the records in addition to their ids, such as the names of regions. None if the records have no such names.
        unit: Unit of `lines`: `"line"`, or `"row"` for Parquet.
    """

    ids: list[str]
    sequences: Ragged
    lines: np.ndarray
    source: str
    padding: np.ndarray | None = None
    names: list[str] | None = None
    unit: str = "line"

    def origin(self, index: int) -> str:
        """Returns the name, file and line or row of a record, for messages."""
        return f"record {self.ids[index]!r} ({source_name(self.source)}, {self.unit} {self.lines[index]})"

    def select(self, index: np.ndarray) -> "Records":
        """Returns the records at `index` (integers or a boolean mask)."""
        kept = np.arange(len(self.ids))[index]
        padding = None if self.padding is None else self.padding[kept]
        names = None if self.names is None else [self.names[i] for i in kept]
        return Records([self.ids[i] for i in kept], self.sequences.select(kept), self.lines[kept], self.source, padding, names, self.unit)

    def batches(self, rows: int = BATCH_ROWS, letters: int = BATCH_LETTERS) -> Iterator["Records"]:
        """Yields the records in batches of at most `rows` records and `letters` letters.

        A record with more than `letters` letters forms a separate batch.
        """
        for first, last in batch_bounds(self.sequences.offsets, rows, letters):
            padding = None if self.padding is None else self.padding[first:last]
            names = None if self.names is None else self.names[first:last]
            ids, sequences, lines = self.ids[first:last], self.sequences.between(first, last), self.lines[first:last]
            yield Records(ids, sequences, lines, self.source, padding, names, self.unit)


def numbered(names: Iterable[str], before: int = 0) -> list[str]:
    """Replaces each empty name with the number of its record in the file, counted from 1.

    Args:
        names: The n names.
        before: Number of earlier records in the file.

    Example:
        >>> numbered(["a", "", "c"], 10)
        ['a', '12', 'c']
    """
    return [name or str(number) for number, name in enumerate(names, before + 1)]
