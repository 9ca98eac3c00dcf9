"""VCF: the lines of a file as batches of records, malformed ones included.

Columns are told apart here and not by htslib, which ends at a line that it cannot read: here such a line is a record, too. Knows
nothing about what variants do.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import EndChecked, check_bgzip_end
from dreamkeras.files.decompression import open_source
from dreamkeras.files.inputs import open_bytes, source_name
from dreamkeras.files.streams import is_stream
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS

__all__ = ["INFO", "Vcf", "VcfRecords", "declared_lengths", "is_vcf", "open_vcf"]

INFO = 7
"""Where INFO is among the columns, from 0: CHROM, POS, ID, REF, ALT, QUAL, FILTER and it are in every record, samples behind them."""

DIGITS = 18
"""Most digits of a position; the number fits into 64 bits."""

_CONTIG_FIELD = re.compile(rb"[<,](ID(?==)|length(?==[0-9]{1,18}[,>]))=([^,>]+)")

_FIRST_LINES = (b"##fileformat=VCF", b"#CHROM\t")


class VcfRecords(NamedTuple):
    """A batch of lines below the header.

    Args:
        texts: n lines, without the line feed.
        lines: int64 (n,), the line of each, from 1.
        contigs: n names, of CHROM.
        positions: int64 (n,), POS, from 1; -1 where a line is malformed: it has too few columns, no contig, letters or alleles, or a
            position that is no number.
        ids: n names, of ID.
        refs: n reference alleles.
        alts: Alternative alleles; a malformed line has one, its cell as it stands.
        records: int64 (alternative alleles,), the record of each.
    """

    texts: list[bytes]
    lines: np.ndarray
    contigs: list[str]
    positions: np.ndarray
    ids: list[str]
    refs: list[str]
    alts: list[str]
    records: np.ndarray


class Vcf(NamedTuple):
    """An open file, to be read once: the lines that begin with `#`, without line feeds, and the records below them."""

    header: list[bytes]
    batches: Iterator[VcfRecords]


@contextmanager
def open_vcf(path: str) -> Iterator[Vcf]:
    r"""Opens a VCF file: plain, gzip or bgzip, by path or from standard input.

    Args:
        path: The file; `-` reads standard input.

    Raises:
        InputError: The file is missing, empty, broken, cut short, or no VCF.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "a.vcf")
        >>> _ = file.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\nchr1\t7\trs1\tA\tC,G\t.\t.\t.\n")
        >>> with open_vcf(str(file)) as vcf:
        ...     [(batch.contigs, batch.positions.tolist(), batch.alts) for batch in vcf.batches]
        [(['chr1'], [7], ['C', 'G'])]
    """
    with _checked(path) as opened, open_source(path, opened) as source:
        if not is_vcf(source.head):
            came = source.head.splitlines()[0][:40].decode("latin-1")
            raise InputError(f"Expected a VCF, which begins with ##fileformat=VCF, got {came!r} in {source_name(path)}.")
        header, first = _header(source.stream)
        if header[-1].startswith(b"#CHROM") and b"\t" not in header[-1]:
            raise InputError(f"Expected columns with tabs between them, got none in line {len(header)} of {source_name(path)}.")
        yield Vcf(header, _batches(source.stream, first, len(header)))


def declared_lengths(header: Iterable[bytes]) -> dict[str, int]:
    """Letters of the contigs that a header's `##contig` lines describe, of those with a length.

    Example:
        >>> declared_lengths([b"##contig=<ID=chr1,length=1000,assembly=x>", b"##contig=<ID=chr2>", b"#CHROM"])
        {'chr1': 1000}
    """
    fields = (dict(_CONTIG_FIELD.findall(line)) for line in header if line.startswith(b"##contig="))
    return {field[b"ID"].decode("utf-8", "replace"): int(field[b"length"]) for field in fields if {b"ID", b"length"} <= field.keys()}


@contextmanager
def _checked(path: str) -> Iterator[BinaryIO | None]:
    """The bytes of a stream, whose end is checked when they have come; None of a file, whose end is checked now."""
    if is_stream(path):
        with open_bytes(path) as stream:
            yield cast("BinaryIO", EndChecked(stream, path))
    else:
        if Path(path).is_file():
            check_bgzip_end(path)
        yield None


def is_vcf(head: bytes) -> bool:
    """Whether a file's first bytes are a VCF's."""
    return head.startswith(_FIRST_LINES)


def _header(stream: BinaryIO) -> tuple[list[bytes], bytes]:
    """The lines of the header, and the first one below."""
    header: list[bytes] = []
    for line in stream:
        if not line.startswith(b"#"):
            return header, line
        header.append(line.removesuffix(b"\n"))
    return header, b""


def _batches(stream: BinaryIO, first: bytes, before: int) -> Iterator[VcfRecords]:
    """Lines that are not blank, until a batch is full of records or of bytes."""
    texts: list[bytes] = []
    lines: list[int] = []
    size = 0
    for number, line in enumerate(itertools.chain([first] if first else [], stream), before + 1):
        text = line.removesuffix(b"\n")
        if not text.strip():
            continue
        texts.append(text)
        lines.append(number)
        size += len(text)
        if len(texts) == BATCH_ROWS or size >= BATCH_LETTERS:
            yield _parsed(texts, lines)
            texts, lines, size = [], [], 0
    if texts:
        yield _parsed(texts, lines)


def _parsed(texts: list[bytes], lines: list[int]) -> VcfRecords:
    positions, *cells = zip(*map(_cells, texts), strict=True)
    # One text a column is decoded at once; no cell has a tab.
    contigs, ids, refs, alts = (b"\t".join(column).decode("utf-8", "replace").split("\t") for column in cells)
    alleles = [alt.split(",") if position >= 0 else [alt] for alt, position in zip(alts, positions, strict=True)]
    records = np.repeat(np.arange(len(alleles)), [len(cell) for cell in alleles])
    alts = [alt for cell in alleles for alt in cell]
    return VcfRecords(texts, np.array(lines, np.int64), contigs, np.array(positions, np.int64), ids, refs, alts, records)


def _cells(text: bytes) -> tuple[int, bytes, bytes, bytes, bytes]:
    """POS, CHROM, ID, REF and ALT as far as they are there; a position of -1 where the line is no record."""
    cells = text.removesuffix(b"\r").split(b"\t", INFO + 1)
    contig, position, name, ref, alt = cells[:5] if len(cells) > INFO else (cells + [b""] * 5)[:5]
    whole = len(cells) > INFO and contig and name and ref and alt and not contig.startswith(b"#")
    is_record = whole and position.isdigit() and len(position) <= DIGITS
    return int(position) if is_record else -1, contig, name, ref, alt
