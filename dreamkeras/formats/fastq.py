"""Reads FASTQ files with four lines per read. Bytes are parsed with NumPy.

The number of qualities is checked, but qualities are not returned.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.fasta import BLOCK, header_names, line_blocks
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records, numbered

__all__ = ["read_fastq"]

FORM = "Expected four lines per read ('@' and a name, bases, '+', one quality per base), got"


def read_fastq(stream: BinaryIO, path: str, *, batch: int = BATCH_ROWS, block: int = BLOCK) -> Iterator[Records]:
    """Reads a FASTQ file in batches of bounded size.

    Args:
        stream: Bytes of the file. Lines may end with CRLF, and a line break at the end of the file is optional. The bases of a read
            must be on one line, and its qualities must be on one line.
        path: Path of the file, for error messages.
        batch: Maximum number of reads in a batch.
        block: Number of bytes to parse at a time.

    Yields:
        Records. The id of a read is its header up to the first white space. If the header is empty, the id is the number of the read,
        counted from 1.

    Raises:
        InputError: A read is malformed, or the file has no read. The message names the line.
    """
    count, line, carry = 0, 1, b""
    for data in line_blocks(stream, block, end=b"\n"):
        whole, carry = _whole_reads(carry + data)
        if not whole:
            continue
        records = _parse(whole, line, path)
        if "" in records.ids:
            records = records._replace(ids=numbered(records.ids, count))
        yield from records.batches(batch)
        count, line = count + len(records.ids), line + 4 * len(records.ids)
    if carry.strip():
        raise InputError(f"{FORM} an incomplete read ({source_name(path)}, line {line}).")
    if not count:
        raise InputError(f"Expected a FASTQ header ('@' and a name), got only blank lines in {source_name(path)}.")


def _whole_reads(data: bytes) -> tuple[bytes, bytes]:
    """Splits bytes into the lines of complete reads and the remaining bytes."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    reads = len(ends) // 4
    while reads and not data[int(ends[4 * reads - 4]) - 1 : int(ends[4 * reads - 1])].strip():
        reads -= 1  # these four lines are blank lines at the end of the file
    cut = int(ends[4 * reads - 1]) + 1 if reads else 0
    return data[:cut], data[cut:]


def _parse(data: bytes, first: int, path: str) -> Records:
    """Parses complete reads. `first` is the line number of the first read."""
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    sizes = np.diff(ends, prepend=-1)
    starts = ends - sizes + 1
    returns = (sizes > 1) & (codes[ends - 1] == ord("\r"))
    texts = sizes - 1 - returns  # number of characters in each line, without the line break
    wrong = (codes[starts[::4]] != ord("@")) | (codes[starts[2::4]] != ord("+")) | (texts[1::4] != texts[3::4])
    if wrong.any():
        read = int(wrong.argmax())
        came = data[int(starts[4 * read]) :][:20].splitlines()[0].decode("latin-1") if sizes[4 * read] > 1 else ""
        raise InputError(f"{FORM} {came!r} ({source_name(path)}, line {first + 4 * read}).")
    kind = np.repeat(np.arange(len(ends)) % 4, sizes)
    is_letter = kind == 1
    is_letter[ends] = False
    is_letter[ends[returns] - 1] = False
    headers = codes[kind == 0].tobytes()
    names = header_names(headers, any(blank in headers for blank in b" \t\r"), b"@")
    return Records(names, Ragged.from_lengths(codes[is_letter], texts[1::4]), first + 4 * np.arange(len(names)), path)
