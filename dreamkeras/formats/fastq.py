"""FASTQ: reads of four lines each to batches of records with numpy; qualities are counted and not kept."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.fasta import BLOCK, header_names, line_blocks
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records, numbered

__all__ = ["read_fastq"]

FORM = "Expected four lines a read: '@' and its name, letters, '+', as many qualities; got"


def read_fastq(stream: BinaryIO, path: str, *, batch: int = BATCH_ROWS, block: int = BLOCK) -> Iterator[Records]:
    """The reads of a FASTQ file, in batches of bounded size.

    Args:
        stream: The file's bytes. Lines may end in CRLF, and the last one may lack its end; letters and qualities are not wrapped.
        path: The file's path, for messages.
        batch: Most reads in a batch.
        block: Bytes parsed at once.

    Yields:
        Records; ids are the headers up to the first white space, or running numbers from 1 where nothing is left.

    Raises:
        InputError: A read is not of this form, or there is none; the message names the line.
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
        raise InputError(f"{FORM} a part of one ({source_name(path)}, line {line}).")
    if not count:
        raise InputError(f"Expected a FASTQ header ('@' and a name), got only blank lines in {source_name(path)}.")


def _whole_reads(data: bytes) -> tuple[bytes, bytes]:
    """The lines that make up whole reads, and the rest."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    reads = len(ends) // 4
    while reads and not data[int(ends[4 * reads - 4]) - 1 : int(ends[4 * reads - 1])].strip():
        reads -= 1  # blank lines at the end of the file
    cut = int(ends[4 * reads - 1]) + 1 if reads else 0
    return data[:cut], data[cut:]


def _parse(data: bytes, first: int, path: str) -> Records:
    """Records of whole reads, which begin at line `first`."""
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    sizes = np.diff(ends, prepend=-1)
    starts = ends - sizes + 1
    returns = (sizes > 1) & (codes[ends - 1] == ord("\r"))
    texts = sizes - 1 - returns  # letters of each line, without its end
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
