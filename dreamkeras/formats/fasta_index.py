"""Reads and checks the index of a FASTA file (`.fai`), or computes the index. This module reads uncompressed bytes only."""

from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.formats.decimals import is_whole
from dreamkeras.formats.fasta import BLOCK, line_blocks

__all__ = ["Contig", "check_fai", "index_fasta", "read_fai"]

GAP = 1 << 20
"""Maximum size, in bytes, of the headers and blank lines between two consecutive contigs."""

SAMPLE = 1 << 12
"""Maximum number of bases that are checked in the first line of a contig."""

_LINE_ENDS = (b"\n", b"\r\n", b"\r")


class Contig(NamedTuple):
    """Position of a contig's sequence in a FASTA file.

    Args:
        length: Number of bases.
        offset: Byte offset of the first base in the uncompressed file.
        bases: Number of bases per line. The last line of a contig may have fewer bases.
        width: Number of bytes per line, including the line break.
    """

    length: int
    offset: int
    bases: int
    width: int

    def byte_of(self, position: int) -> int:
        """Returns the byte offset of the base at `position`. Positions in a contig are counted from 0."""
        return self.offset + position // self.bases * self.width + position % self.bases

    def has_line_at(self, position: int, text: "Bytes") -> bool:
        """Returns whether the line that contains a position begins at the byte given by the index.

        The result is True for positions after the end of the contig.
        """
        row = position // self.bases if position < self.length else 0
        begin = self.offset + row * self.width
        return not row or text[begin - self.width + self.bases : begin] in _LINE_ENDS


def read_fai(path: Path) -> dict[str, Contig]:
    """Reads the contigs in a `.fai` file, in the order of the file.

    Raises:
        InputError: The file cannot be read, a line is malformed, or a name occurs twice.
    """
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise InputError(f"Cannot read the index {path}: {error.strerror or error}.") from None
    contigs = {}
    for number, line in enumerate(lines, 1):
        name, *cells = line.split("\t")
        if len(cells) != 4 or not all(map(is_whole, cells)):
            raise InputError(f"Expected a name and 4 whole numbers, got {line[:40]!r} ({path}, line {number}).")
        if name in contigs:
            raise InputError(f"Contig {name!r} occurs twice ({path}, line {number}).")
        contigs[name] = Contig(*map(int, cells))
    return contigs


class Bytes(Protocol):
    """Random access to the uncompressed bytes of a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, stretch: slice, /) -> bytes: ...


def check_fai(contigs: dict[str, Contig], text: Bytes, path: str) -> None:
    """Checks that an index belongs to a FASTA file. Most of the sequence is not read.

    Args:
        contigs: Contigs of the index.
        text: Uncompressed bytes of the FASTA file.
        path: Path of the FASTA file, for error messages.

    Raises:
        InputError: The position of a header or the length of a line differs from the index.
    """
    end = 0
    for name, contig in sorted(contigs.items(), key=lambda item: item[1].offset):
        if reason := _uneven(contig) or _header_missing(text, name, end, contig.offset) or _lines_differ(text, contig):
            raise _other_index(path, f"contig {name!r} does not {reason}")  # the reason is a phrase such as "begin at byte 21"
        end = _end(contig)
    behind = text[end : end + GAP]
    if behind and not _are_headers(behind, begins=False):
        raise _other_index(path, f"the file has sequence after byte {end:,}, which is the last base in the index")


def _end(contig: Contig) -> int:
    return contig.byte_of(contig.length - 1) + 1 if contig.length else contig.offset


def _uneven(contig: Contig) -> str:
    """Returns a phrase for the error message if the index gives impossible line lengths for a contig, otherwise an empty string."""
    return "" if 0 < contig.bases <= contig.width or not contig.length else _lines(contig)


def _header_missing(text: Bytes, name: str, end: int, offset: int) -> str:
    """Returns a phrase for the error message if a contig does not follow its header, otherwise an empty string."""
    gap = text[end:offset] if end < offset <= min(len(text), end + GAP) else b""
    header = next((line for line in reversed(gap.split(b"\n")) if line.strip()), b"")
    found = (header[1:].decode("utf-8", "replace").split() or [""])[0]
    is_there = header and gap.endswith(b"\n") and _are_headers(gap, begins=end == 0) and found == name
    return "" if is_there else f"begin at byte {offset + 1:,}"


def _are_headers(gap: bytes, *, begins: bool) -> bool:
    """Returns whether the bytes between two sequences consist of headers and blank lines.

    `begins` is True for the bytes before the first sequence of a file.
    """
    lines = gap.split(b"\n")
    if not begins and lines.pop(0).strip(b"\r"):
        return False
    return all(line.startswith(b">") or not line.strip() for line in lines)


def _lines_differ(text: Bytes, contig: Contig) -> str:
    """Returns a phrase for the error message if a line of a contig is not where the index says, otherwise an empty string."""
    first = text[contig.offset : contig.offset + min(contig.bases, contig.length, SAMPLE)]
    last, end = max(contig.length - 1, 0), _end(contig)
    if b"\n" in first or b">" in first or not all(contig.has_line_at(place, text) for place in (contig.bases, last // 2, last)):
        return _lines(contig)
    ends_in_letter = end <= len(text) and text[end - 1 : end] not in (b"\r", b"\n")
    return "" if ends_in_letter or not contig.length else f"end at byte {end:,}"


def _lines(contig: Contig) -> str:
    return f"have {contig.bases} bases and {contig.width} bytes per line"


def _other_index(path: str, reason: str) -> InputError:
    return InputError(f"{path}.fai is not the index of {path}: {reason}. Run samtools faidx {path}, or delete {path}.fai.")


def index_fasta(stream: BinaryIO, path: str, *, block: int = BLOCK) -> dict[str, Contig]:
    """Computes the index of a FASTA file. Contigs are in the order of the file.

    Args:
        stream: Uncompressed bytes of the file.
        path: Path of the file, for error messages.
        block: Number of bytes to parse at a time.

    Raises:
        InputError: The lines of a contig differ in length, a name is missing or occurs twice, or the file has no contig.
    """
    scan = _Scan(path)
    for data in line_blocks(stream, block, end=b"\n"):
        scan.take(data)
    if not scan.found:
        raise InputError(f"Expected a FASTA header ('>' and a name), got none in '{path}'.")
    return {name: contig.done() for name, contig in scan.found.items()}


class _Scan:
    """State of the computation of an index, while a FASTA file is read in blocks of complete lines."""

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
        if not self.found and (text := data[: starts[headers[0]] if headers else None].lstrip()):
            came = text[:20].splitlines()[0].decode("latin-1")
            line = self._lines + 1 + data.count(b"\n", 0, data.index(text))
            raise InputError(f"Expected a FASTA header ('>' and a name), got {came!r} ({self._path}, line {line}).")
        for first, last in zip([-1, *headers], [*headers, len(ends)], strict=True):
            if first >= 0:
                self._open(data[starts[first] + 1 : ends[first]], self._lines + first + 1, self._bytes + int(ends[first]) + 1)
            if first + 1 < last:
                self._extend(letters[first + 1 : last], (ends - starts)[first + 1 : last] + 1, self._lines + first + 2)
        self._bytes += len(data)
        self._lines += len(ends)

    def _open(self, header: bytes, line: int, offset: int) -> None:
        name = (header.decode("utf-8", "replace").split() or [""])[0]
        if not name:
            raise InputError(f"Expected a FASTA header ('>' and a name), got no name ({self._path}, line {line}).")
        if name in self.found:
            raise InputError(f"Contig {name!r} occurs twice ({self._path}, line {line}).")
        self._last = self.found[name] = _Open(offset)

    def _extend(self, letters: np.ndarray, widths: np.ndarray, line: int) -> None:
        if self._last is not None and not self._last.extend(letters, widths):
            name = list(self.found)[-1]
            raise InputError(
                f"All lines of contig {name!r} except the last must have the same length, {self._last.bases} bases "
                f"({self._path}, lines {line} to {line + len(letters) - 1})."
            )


class _Open:
    """A contig whose lines are still being read."""

    def __init__(self, offset: int) -> None:
        self._offset, self._length = offset, 0
        self.bases, self._width = 0, 0
        self._ended = False

    def extend(self, letters: np.ndarray, widths: np.ndarray) -> bool:
        """Adds lines to the contig. Returns whether the lengths of its lines are valid.

        All lines must have the length of the first line. Only the last line may be shorter, and blank lines may follow it.
        """
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
