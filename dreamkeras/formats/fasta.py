"""FASTA and plain lines: bytes to batches of records with numpy, without a Python step per base.

Blocks of whole lines are parsed at once: one search for white space, one mask of the bytes that are letters.
Letters are handed on as they stand.
"""

import itertools
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records, numbered

__all__ = ["BLOCK", "Piece", "header_names", "line_blocks", "read_fasta", "read_fasta_pieces", "read_lines"]

BLOCK = 1 << 19
"""Bytes parsed at once: small enough for the masks to stay in the processor's cache."""

_IS_BLANK = np.zeros(256, bool)
_IS_BLANK[list(b" \t\n\v\f\r")] = True


class _FastaBlock(NamedTuple):
    """The content of a block of whole FASTA lines.

    Args:
        names: n header texts up to the first white space.
        places: int64 (n,), lines of the block before each header.
        letters: uint8, the sequence lines without white space.
        starts: int64 (n,), where in `letters` each header's sequence starts; letters before the first belong to an earlier block's header.
        breaks: Lines in the block.
    """

    names: list[str]
    places: np.ndarray
    letters: np.ndarray
    starts: np.ndarray
    breaks: int


class Piece(NamedTuple):
    """Some letters of a record, uint8, without white space; at least one. The line is that of the record's header, from 1."""

    name: str
    line: int
    begins: bool
    letters: np.ndarray


def read_fasta(stream: BinaryIO, path: str, *, batch: int = BATCH_ROWS, block: int = BLOCK) -> Iterator[Records]:
    """The records of a FASTA file, in batches; memory holds one block and the longest record, not the file.

    Args:
        stream: The file's bytes. Lines may be wrapped at any length, end in CRLF, be blank, and the last one may lack its end.
        path: The file's path, for messages.
        batch: Most records in a batch.
        block: Bytes parsed at once, which also bounds a batch of short records.

    Yields:
        Records; ids are the headers up to the first white space, or running numbers from 1 where nothing is left.

    Raises:
        InputError: Something precedes the first header, or there is no record.
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
    """The records of a FASTA file piece by piece, in order; memory holds one block, however long a record is.

    Takes and raises what `read_fasta` does. Records without letters are left out.
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
    """The records of a file that holds one sequence a line; ids are running numbers from 1, blank lines are left out.

    Takes and yields what `read_fasta` does.

    Raises:
        InputError: There is no sequence.
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
        raise InputError(f"Expected one sequence a line, got only blank lines in {source_name(path)}.")


def line_blocks(stream: BinaryIO, block: int, end: bytes = b"") -> Iterator[bytes]:
    """The stream in blocks of about `block` bytes that end with a line, and `end` after the last one."""
    carry = b""
    while True:
        size = max(block, len(carry))  # reads grow with a line that does not end, so that it is not copied over and over
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
    """Blocks of whole lines, the first of which that is not blank has to be a header; a bare header follows the last one."""
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
    """The ids in header lines that stand one after the other, each from its mark to its line break, up to the first white space."""
    if not headers:
        return []
    lines = headers[1:-1].split(b"\n" + mark)
    if hold_blanks:
        lines = [(line.split(maxsplit=1) or [b""])[0] for line in lines]
    try:
        return b"\n".join(lines).decode().split("\n")
    except UnicodeDecodeError:
        return [_decoded(line) for line in lines]


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _records(blocks: Iterator[_FastaBlock], path: str) -> Iterator[Records]:
    """The records that end in each block; the last one of a block stays open until the next header."""
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
