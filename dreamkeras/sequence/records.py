"""Records: a batch of named sequences and where each came from."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from dreamkeras.files.inputs import source_name
from dreamkeras.sequence.ragged import Ragged, batch_bounds

__all__ = ["BATCH_LETTERS", "BATCH_ROWS", "Records", "numbered"]

BATCH_ROWS = 8192
"""Most records in a batch, unless asked otherwise."""

BATCH_LETTERS = 1 << 22
"""Most letters in a batch of more than one record, so that long sequences do not make large batches."""


class Records(NamedTuple):
    """A batch of named sequences, as a reader found them.

    Args:
        ids: n names.
        sequences: n sequences, letters as in the file.
        lines: int64 (n,), the line each record starts at, from 1.
        source: The file's name, for messages; `-` is standard input.
    """

    ids: list[str]
    sequences: Ragged
    lines: np.ndarray
    source: str

    def origin(self, index: int) -> str:
        """Where record `index` came from, for messages."""
        return f"record {self.ids[index]!r} ({source_name(self.source)}, line {self.lines[index]})"

    def select(self, index: np.ndarray) -> "Records":
        """The records at `index` (integers or a boolean mask)."""
        kept = np.arange(len(self.ids))[index]
        return Records([self.ids[i] for i in kept], self.sequences.select(kept), self.lines[kept], self.source)

    def batches(self, rows: int = BATCH_ROWS, letters: int = BATCH_LETTERS) -> Iterator["Records"]:
        """The same records in order, in batches of at most `rows` records and `letters` letters; a longer record stands alone."""
        for first, last in batch_bounds(self.sequences.offsets, rows, letters):
            yield Records(self.ids[first:last], self.sequences.between(first, last), self.lines[first:last], self.source)


def numbered(names: Iterable[str], before: int = 0) -> list[str]:
    """Names of records; where one is empty, the number of its record in the file.

    Args:
        names: n names, some of which may be empty.
        before: Records of the file before these.

    Example:
        >>> numbered(["a", "", "c"], 10)
        ['a', '12', 'c']
    """
    return [name or str(number) for number, name in enumerate(names, before + 1)]
