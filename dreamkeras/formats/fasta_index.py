"""Where each contig of a FASTA file stands, as in its `.fai`: read from one and checked, or found out. Knows nothing about compression."""

from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.formats.decimals import is_whole
from dreamkeras.formats.fasta import BLOCK, line_blocks

__all__ = ["Contig", "check_fai", "index_fasta", "read_fai"]

GAP = 1 << 20
"""The most bytes between the letters of two contigs: a header, and those of contigs without letters."""

SAMPLE = 1 << 12
"""Letters at most of a contig's first line that are looked at."""

_LINE_ENDS = (b"\n", b"\r\n")


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

    def byte_of(self, position: int) -> int:
        """The byte of the letter at a position, from 0."""
        return self.offset + position // self.bases * self.width + position % self.bases

    def has_line_at(self, position: int, text: "Bytes") -> bool:
        """Whether a line begins in the file where the one with a position should, if the contig has the position."""
        row = position // self.bases if position < self.length else 0
        begin = self.offset + row * self.width
        return not row or text[begin - self.width + self.bases : begin] in _LINE_ENDS


def read_fai(path: Path) -> dict[str, Contig]:
    """The contigs that a `.fai` file lists, in its order.

    Raises:
        InputError: The file cannot be read, or a line is none of such a file.
    """
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise InputError(f"Expected a readable index, got {path} ({error.strerror or error}).") from None
    contigs = {}
    for number, line in enumerate(lines, 1):
        name, *cells = line.split("\t")
        if len(cells) != 4 or not all(map(is_whole, cells)):
            raise InputError(f"Expected a name and 4 whole numbers, got {line[:40]!r} ({path}, line {number}).")
        if name in contigs:
            raise InputError(f"Expected a name that no contig above has, got {name!r} ({path}, line {number}).")
        contigs[name] = Contig(*map(int, cells))
    return contigs


class Bytes(Protocol):
    """The bytes of a file, or what it holds unpacked."""

    def __len__(self) -> int: ...

    def __getitem__(self, stretch: slice, /) -> bytes: ...


def check_fai(contigs: dict[str, Contig], text: Bytes, path: str) -> None:
    """Refuses an index of another file, by the bytes between contigs and at the ends of some of their lines.

    `text` is the FASTA file, unpacked, and `path` its path, for messages.

    Raises:
        InputError: A header is not where the index has it, or lines are of another length.
    """
    end = 0
    for name, contig in sorted(contigs.items(), key=lambda item: item[1].offset):
        if reason := _uneven(contig) or _header_missing(text, name, end, contig.offset) or _lines_differ(text, contig):
            raise _other_index(path, f"contig {name!r} does not {reason}")
        end = _end(contig)
    behind = text[end : end + GAP]
    if behind and not _are_headers(behind, begins=False):
        raise _other_index(path, f"it ends before byte {end + 1:,}, where the file has more letters")


def _end(contig: Contig) -> int:
    return contig.byte_of(contig.length - 1) + 1 if contig.length else contig.offset


def _uneven(contig: Contig) -> str:
    """The message about a contig whose lines cannot be as the index says; empty where they can."""
    return "" if 0 < contig.bases <= contig.width or not contig.length else _lines(contig)


def _header_missing(text: Bytes, name: str, end: int, offset: int) -> str:
    """The message about bytes before a contig's letters that are not its header; empty where they are."""
    gap = text[end:offset] if end < offset <= min(len(text), end + GAP) else b""
    header = next((line for line in reversed(gap.split(b"\n")) if line.strip()), b"")
    found = (header[1:].decode("utf-8", "replace").split() or [""])[0]
    is_there = header and gap.endswith(b"\n") and _are_headers(gap, begins=end == 0) and found == name
    return "" if is_there else f"begin at byte {offset + 1:,}"


def _are_headers(gap: bytes, *, begins: bool) -> bool:
    """Whether there are only headers and blank lines, behind the end of a line unless the file begins there."""
    lines = gap.split(b"\n")
    if not begins and lines.pop(0).strip(b"\r"):
        return False
    return all(line.startswith(b">") or not line.strip() for line in lines)


def _lines_differ(text: Bytes, contig: Contig) -> str:
    """The message about a first, middle or last line that is not where the index has it; empty where they are."""
    first = text[contig.offset : contig.offset + min(contig.bases, contig.length, SAMPLE)]
    last, end = max(contig.length - 1, 0), _end(contig)
    if b"\n" in first or b">" in first or not all(contig.has_line_at(place, text) for place in (contig.bases, last // 2, last)):
        return _lines(contig)
    ends_in_letter = end <= len(text) and text[end - 1 : end] not in (b"\r", b"\n")
    return "" if ends_in_letter or not contig.length else f"end at byte {end:,}"


def _lines(contig: Contig) -> str:
    return f"have lines of {contig.bases} letters in {contig.width} bytes"


def _other_index(path: str, reason: str) -> InputError:
    return InputError(f"{path}.fai is not the index of {path}: {reason}. Run samtools faidx {path}, or delete {path}.fai.")


def index_fasta(stream: BinaryIO, path: str, *, block: int = BLOCK) -> dict[str, Contig]:
    """The contigs of a FASTA file, in its order, from its unpacked bytes; `path` is for messages.

    Raises:
        InputError: The lines of a contig are of several lengths, a name is missing or occurs twice, or there is no contig.
    """
    scan = _Scan(path)
    for data in line_blocks(stream, block, end=b"\n"):
        scan.take(data)
    if not scan.found:
        raise InputError(f"Expected a FASTA header ('>' and a name), got none in {path}.")
    return {name: contig.done() for name, contig in scan.found.items()}


class _Scan:
    """The contigs up to a block of whole lines."""

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
