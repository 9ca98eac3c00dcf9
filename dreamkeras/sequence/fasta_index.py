"""Where each contig of a FASTA file stands, as in its `.fai`: read from one, or found out. Knows nothing about compression."""

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.fasta import BLOCK, line_blocks

__all__ = ["Contig", "index_fasta", "read_fai"]


class Contig(NamedTuple):
    """Where a contig's letters are.

    Args:
        length: Letters.
        offset: The byte of the first one, in the file without its compression.
        bases: Letters a line; the last may have fewer.
        width: Bytes a line, with its end.
    """

    length: int
    offset: int
    bases: int
    width: int

    def place(self, position: int) -> int:
        """The byte of the letter at a position, from 0."""
        return self.offset + position // self.bases * self.width + position % self.bases


def read_fai(path: Path) -> dict[str, Contig]:
    """The contigs that a `.fai` file lists, in its order.

    Raises:
        InputError: A line is none of such a file.
    """
    contigs = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        name, *cells = line.split("\t")
        if len(cells) != 4 or not all(cell.isdigit() for cell in cells):
            raise InputError(f"Expected a name and 4 whole numbers, got {line[:40]!r} ({path}, line {number}).")
        contigs[name] = Contig(*map(int, cells))
    return contigs


def index_fasta(stream: BinaryIO, path: str, *, block: int = BLOCK) -> dict[str, Contig]:
    """The contigs of a FASTA file, in its order.

    Args:
        stream: The file's bytes, unpacked.
        path: The file's path, for messages.
        block: Bytes looked at at once.

    Raises:
        InputError: The lines of a contig are of several lengths, a name is missing or stands twice, or there is no contig.
    """
    scan = _Scan(path)
    for data in line_blocks(stream, block, end=b"\n"):
        scan.take(data)
    if not scan.found:
        raise InputError(f"Expected a FASTA header ('>' and a name), got none in {path}.")
    return {name: contig.done() for name, contig in scan.found.items()}


class _Scan:
    """What has been found up to a block of whole lines."""

    def __init__(self, path: str) -> None:
        self.found: dict[str, _Open] = {}
        self._path = path
        self._last: _Open | None = None
        self._bytes, self._lines = 0, 0

    def take(self, data: bytes) -> None:
        codes = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(codes == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        letters = ends - starts - ((codes[ends - 1] == ord("\r")) & (ends > starts))
        headers = np.flatnonzero(codes[starts] == ord(">")).tolist()
        for first, last in zip([-1, *headers], [*headers, len(ends)], strict=True):
            if first >= 0:
                self._open(data[starts[first] + 1 : ends[first]], self._lines + first + 1, self._bytes + int(ends[first]) + 1)
            if first + 1 < last:
                self._extend(letters[first + 1 : last], (ends - starts)[first + 1 : last] + 1, self._lines + first + 2)
        self._bytes += len(data)
        self._lines += len(ends)

    def _open(self, header: bytes, line: int, offset: int) -> None:
        name = (header.decode("utf-8", "replace").split() or [""])[0]
        if not name or name in self.found:
            raise InputError(f"Expected a name that no contig above has, got {name!r} ({self._path}, line {line}).")
        self._last = self.found[name] = _Open(offset)

    def _extend(self, letters: np.ndarray, widths: np.ndarray, line: int) -> None:
        if self._last is None:
            if letters.any():
                raise InputError(f"Expected a FASTA header ('>' and a name), got letters ({self._path}, line {line}).")
        elif not self._last.extend(letters, widths):
            name = list(self.found)[-1]
            raise InputError(
                f"Expected lines of {self._last.bases} letters in contig {name!r} but for the last, got others "
                f"({self._path}, lines {line} to {line + len(letters) - 1})."
            )


class _Open:
    """A contig whose lines are being counted."""

    def __init__(self, offset: int) -> None:
        self._offset, self._length = offset, 0
        self.bases, self._width = 0, 0
        self._ended = False

    def extend(self, letters: np.ndarray, widths: np.ndarray) -> bool:
        """Takes the next lines; whether they are as long as the first, with one shorter at the most before blank ones."""
        if not self._width:
            self.bases, self._width = int(letters[0]), int(widths[0])
        even = (letters == self.bases) & (widths == self._width) & (not self._ended)
        full = len(even) if even.all() else int(np.argmin(even))
        rest = letters[full:]
        shorter = rest[:1] if not self._ended and self.bases else rest[:0]
        self._ended = self._ended or len(rest) > 0
        self._length += int(letters.sum())
        return bool((shorter <= self.bases).all()) and not rest[len(shorter) :].any()

    def done(self) -> Contig:
        return Contig(self._length, self._offset, self.bases, self._width)
