"""Reads FASTA files and files with one sequence per line. Bytes are parsed with NumPy, without a Python loop over bases.

The file is parsed in blocks of complete lines. In each block, one search finds the white space, and one mask selects the letters of the
sequences. Letters are returned unchanged.
"""

import itertools
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records, numbered

__all__ = ["BLOCK", "Piece", "decoded", "header_names", "line_blocks", "read_fasta", "read_fasta_pieces", "read_lines"]

BLOCK = 1 << 19
"""Number of bytes in a block. With this size, the arrays that are computed for a block fit into the processor's cache."""

_IS_BLANK = np.zeros(256, bool)
_IS_BLANK[list(b" \t\n\v\f\r")] = True


class _FastaBlock(NamedTuple):
    """The content of a block of complete FASTA lines.

    Args:
        names: Text of each of the n headers up to its first white space.
        places: Line of each header, counted from 0 at the beginning of the block, int64 (n,).
        letters: Letters of all sequence lines, without white space, uint8.
        starts: Index in `letters` at which the sequence of each header starts, int64 (n,). Letters before the first start belong to a
            header in an earlier block.
        breaks: Number of lines in the block.
    """

    names: list[str]
    places: np.ndarray
    letters: np.ndarray
    starts: np.ndarray
    breaks: int


class Piece(NamedTuple):
    """A part of a record.

    Args:
        name: Name of the record.
        line: Line of the record's header, counted from 1.
        begins: Whether this is the first part of the record.
        letters: Letters of this part without white space, at least one, uint8.
    """

    name: str
    line: int
    begins: bool
    letters: np.ndarray


def read_fasta(stream: BinaryIO, path: str, *, batch: int = BATCH_ROWS, block: int = BLOCK) -> Iterator[Records]:
    """Reads the records of a FASTA file in batches.

    Memory use is limited by the block size and the longest record, not by the size of the file.

    Args:
        stream: Bytes of the file. Lines may have any length, may end with CRLF and may be blank. A line break at the end of the file is
            optional.
        path: Path of the file, for error messages.
        batch: Maximum number of records in a batch.
        block: Number of bytes to parse at a time. A batch contains only records that end in the same block, so small blocks result in
            small batches.

    Yields:
        Records. The id of a record is its header up to the first white space. If the header is empty, the id is the number of the
        record, counted from 1.

    Raises:
        InputError: Text precedes the first header, or the file has no record.
    """
    count = 0
    for records in _records(map(_parse, _fasta_blocks(stream, path, block)), path):
        if "" in records.ids:
            records = records._replace(ids=numbered(records.ids, count))
        count += len(records.ids)
        yield from records.batches(batch)
    if not count:
        raise InputError(f"Expected a FASTA header ('>' and a name), got only blank lines in {source_name(path)}.")


def read_fasta_pieces(stream: BinaryIO, path: str, *, block: int = BLOCK) -> Iterator[Piece]:
    """Reads the records of a FASTA file in parts, in order. Memory use is limited by the block size, even for long records.

    Records without letters are skipped. See `read_fasta` for the arguments and errors.
    """
    name, line, begins, before, count = "", 0, True, 1, 0
    for lines in map(_parse, _fasta_blocks(stream, path, block)):
        cuts = [0, *lines.starts.tolist(), len(lines.letters)]
        for number, (first, last) in enumerate(itertools.pairwise(cuts)):
            if number:
                count += 1
                name, line, begins = lines.names[number - 1] or str(count), int(lines.places[number - 1]) + before, True
            if first < last:
                yield Piece(name, line, begins, lines.letters[first:last])
                begins = False
        before += lines.breaks


def read_lines(stream: BinaryIO, path: str, *, batch: int = BATCH_ROWS, block: int = BLOCK) -> Iterator[Records]:
    """Reads the records of a file with one sequence per line. Records are numbered from 1, and blank lines are skipped.

    See `read_fasta` for the arguments and results.

    Raises:
        InputError: The file has no sequence.
    """
    count, before = 0, 1
    for data in line_blocks(stream, block):
        texts = [line.strip() for line in data.split(b"\n")]
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        lines = np.flatnonzero(lengths)
        sequences = Ragged.from_lengths(np.frombuffer(b"".join(texts), np.uint8), lengths[lines])
        ids = numbered([""] * len(lines), count)
        yield from Records(ids, sequences, lines + before, path).batches(batch)
        count, before = count + len(ids), before + data.count(b"\n")
    if not count:
        raise InputError(f"Expected one sequence per line, got only blank lines in {source_name(path)}.")


def line_blocks(stream: BinaryIO, block: int, end: bytes = b"") -> Iterator[bytes]:
    """Yields the bytes of a stream in blocks of complete lines, each of about `block` bytes. `end` is appended to the last block."""
    carry = b""
    while True:
        size = max(block, len(carry))  # A long line is read in increasing steps, so that it is copied rarely.
        piece = stream.read(size)
        if len(piece) < size:
            yield carry + piece + end
            return
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield carry + piece[:cut]
            carry = piece[cut:]
        else:
            carry += piece


def _fasta_blocks(stream: BinaryIO, path: str, block: int) -> Iterator[bytes]:
    """Yields blocks of complete lines and checks that the first line that is not blank is a header.

    An empty header is appended to the last block to mark the end of the last record.
    """
    line, started = 1, False
    for data in line_blocks(stream, block, end=b"\n>\n"):
        if not started and (text := data.lstrip()):
            begin = data.rfind(b"\n", 0, len(data) - len(text)) + 1
            if data[begin : begin + 1] != b">":
                came = data[begin : begin + 20].splitlines()[0].decode("latin-1")
                line += data.count(b"\n", 0, begin)
                raise InputError(f"Expected a FASTA header ('>' and a name), got {came!r} ({source_name(path)}, line {line}).")
            started = True
        elif not started:
            line += data.count(b"\n")
        yield data


def _parse(data: bytes) -> _FastaBlock:
    codes = np.frombuffer(data, np.uint8)
    blanks = np.flatnonzero(codes <= ord(" "))
    blanks = blanks[_IS_BLANK[codes[blanks]]]
    breaks = np.flatnonzero(codes[blanks] == ord("\n"))
    ends, blanks_in_line = blanks[breaks], np.diff(breaks, prepend=-1)
    lengths = np.diff(ends, prepend=-1)
    is_header = codes[ends - lengths + 1] == ord(">")
    is_letter = np.repeat(~is_header, lengths)
    headers = codes[~is_letter].tobytes()
    is_letter[blanks] = False
    starts = np.cumsum(np.where(is_header, 0, lengths - blanks_in_line))[is_header]
    names = header_names(headers, bool((blanks_in_line[is_header] > 1).any()))
    return _FastaBlock(names, np.flatnonzero(is_header), codes[is_letter], starts, len(ends))


def header_names(headers: bytes, hold_blanks: bool, mark: bytes = b">") -> list[str]:
    """Returns the id in each header line, which is the text up to the first white space.

    Args:
        headers: Concatenated header lines, each of which begins with the mark and ends with a line break.
        hold_blanks: Whether any header contains white space.
        mark: First character of a header.
    """
    if not headers:
        return []
    lines = headers[1:-1].split(b"\n" + mark)
    if hold_blanks:
        lines = [(line.split(maxsplit=1) or [b""])[0] for line in lines]
    try:
        return b"\n".join(lines).decode().split("\n")
    except UnicodeDecodeError:
        return [decoded(line) for line in lines]


def decoded(name: bytes) -> str:
    """Returns bytes as UTF-8 text, or as Latin-1 text if they are not UTF-8."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _records(blocks: Iterator[_FastaBlock], path: str) -> Iterator[Records]:
    """Yields the records that end in each block. The last record of a block is yielded after the next header has been found."""
    names: list[str] = []
    lines, pieces, before = np.empty(0, np.int64), [np.empty(0, np.uint8)], 1
    for block in blocks:
        if block.names:
            last = block.starts[-1]
            ends = block.starts + sum(map(len, pieces))
            offsets = np.concatenate([[0], ends]) if names else ends
            names, lines = (names + block.names, np.concatenate([lines, block.places + before]))
            if len(names) > 1:
                yield Records(names[:-1], Ragged(np.concatenate([*pieces, block.letters[:last]]), offsets), lines[:-1], path)
            names, lines, pieces = names[-1:], lines[-1:], [block.letters[last:]]
        else:
            pieces.append(block.letters)
        before += block.breaks
