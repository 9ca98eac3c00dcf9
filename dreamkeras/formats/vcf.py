"""Reads VCF files as batches of records, including malformed lines.

htslib is not used, because it stops at the first malformed line. This module returns malformed lines as records too.
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
from dreamkeras.files.kinds import VCF
from dreamkeras.files.streams import is_stream
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS

__all__ = ["INFO", "Vcf", "VcfRecords", "declared_lengths", "is_vcf", "open_vcf"]

INFO = 7
"""Position of the column INFO, counted from 0. The columns before INFO are CHROM, POS, ID, REF, ALT, QUAL and FILTER."""

DIGITS = 18
"""Maximum number of digits in a position. Numbers of up to 18 digits fit into 64 bits."""

_CONTIG_FIELD = re.compile(rb"[<,](ID(?==)|length(?==[0-9]{1,18}[,>]))=([^,>]+)")

_FIRST_LINES = (b"##fileformat=VCF", b"#CHROM\t")


class VcfRecords(NamedTuple):
    """A batch of n records, which are the lines below the header.

    Args:
        texts: Line of each record, without its line feed.
        lines: Line number of each record, counted from 1, int64 (n,).
        contigs: CHROM of each record.
        positions: POS of each record, counted from 1, int64 (n,), or -1 for a malformed line. A line is malformed if it begins with
            `#`, has too few columns, has an empty CHROM, ID, REF or ALT, or if POS is not a number.
        ids: ID of each record.
        refs: REF of each record.
        alts: Alternative alleles of all records. ALT of a malformed line is treated as a single allele, even if it contains commas.
        records: Index of the record to which each alternative allele belongs, int64 (alternative alleles,).
    """

    texts: list[bytes]
    lines: np.ndarray
    contigs: list[str]
    positions: np.ndarray
    ids: list[str]
    refs: list[str]
    alts: list[str]
    records: np.ndarray

    @property
    def unit(self) -> str:
        """Unit of `lines`."""
        return "line"


class Vcf(NamedTuple):
    """An open VCF file, which can be read once.

    Args:
        header: Lines that begin with `#`, without line feeds.
        batches: Batches of the records below the header.
    """

    header: list[bytes]
    batches: Iterator[VcfRecords]


@contextmanager
def open_vcf(path: str) -> Iterator[Vcf]:
    r"""Opens a VCF file. The file may be compressed with gzip or bgzip.

    Args:
        path: Path of the file. `-` reads standard input.

    Raises:
        InputError: The file is missing, empty, damaged or truncated, or it is not a VCF file.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "a.vcf")
        >>> _ = file.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\nchr1\t7\trs1\tA\tC,G\t.\t.\t.\n")
        >>> with open_vcf(str(file)) as vcf:
        ...     [(batch.contigs, batch.positions.tolist(), batch.alts) for batch in vcf.batches]
        [(['chr1'], [7], ['C', 'G'])]
    """
    with _checked(path) as opened, open_source(path, opened, VCF) as source:
        if not is_vcf(source.head):
            came = source.head.splitlines()[0][:40].decode("latin-1")
            raise InputError(f"Expected a VCF file, which begins with ##fileformat=VCF, got {came!r} in {source_name(path)}.")
        header, first = _header(source.stream)
        if header[-1].startswith(b"#CHROM") and b"\t" not in header[-1]:
            raise InputError(f"The columns of a VCF must be separated by tabs, but {source_name(path)}, line {len(header)}, has no tab.")
        yield Vcf(header, _batches(source.stream, first, len(header)))


def declared_lengths(header: Iterable[bytes]) -> dict[str, int]:
    """Returns the contig lengths that are declared in the `##contig` lines of a header. Contigs without a length are skipped.

    Example:
        >>> declared_lengths([b"##contig=<ID=chr1,length=1000,assembly=x>", b"##contig=<ID=chr2>", b"#CHROM"])
        {'chr1': 1000}
    """
    fields = (dict(_CONTIG_FIELD.findall(line)) for line in header if line.startswith(b"##contig="))
    return {field[b"ID"].decode("utf-8", "replace"): int(field[b"length"]) for field in fields if {b"ID", b"length"} <= field.keys()}


@contextmanager
def _checked(path: str) -> Iterator[BinaryIO | None]:
    """Checks that bgzip input is not truncated. A file is checked immediately, and the result is None.

    For a stream, the result is a reader that checks the end of the stream after all bytes have been read.
    """
    if is_stream(path):
        with open_bytes(path) as stream:
            yield cast("BinaryIO", EndChecked(stream, path))
    else:
        if Path(path).is_file():
            check_bgzip_end(path)
        yield None


def is_vcf(head: bytes) -> bool:
    """Returns whether the first bytes of a file show that it is a VCF file."""
    return head.startswith(_FIRST_LINES)


def _header(stream: BinaryIO) -> tuple[list[bytes], bytes]:
    """Returns the lines of the header and the first line below it."""
    header: list[bytes] = []
    for line in stream:
        if not line.startswith(b"#"):
            return header, line
        header.append(line.removesuffix(b"\n"))
    return header, b""


def _batches(stream: BinaryIO, first: bytes, before: int) -> Iterator[VcfRecords]:
    """Yields batches of the lines that are not blank. The number of records and the number of bytes in a batch are limited."""
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
    # The cells of a column are joined by tabs and decoded together, which is safe because cells contain no tabs.
    contigs, ids, refs, alts = (b"\t".join(column).decode("utf-8", "replace").split("\t") for column in cells)
    alleles = [alt.split(",") if position >= 0 else [alt] for alt, position in zip(alts, positions, strict=True)]
    records = np.repeat(np.arange(len(alleles)), [len(cell) for cell in alleles])
    alts = [alt for cell in alleles for alt in cell]
    return VcfRecords(texts, np.array(lines, np.int64), contigs, np.array(positions, np.int64), ids, refs, alts, records)


def _cells(text: bytes) -> tuple[int, bytes, bytes, bytes, bytes]:
    """Returns POS, CHROM, ID, REF and ALT of a line. Missing columns are empty, and the POS of a malformed line is -1."""
    cells = text.removesuffix(b"\r").split(b"\t", INFO + 1)
    contig, position, name, ref, alt = cells[:5] if len(cells) > INFO else (cells + [b""] * 5)[:5]
    whole = len(cells) > INFO and contig and name and ref and alt and not contig.startswith(b"#")
    is_record = whole and position.isdigit() and len(position) <= DIGITS
    return int(position) if is_record else -1, contig, name, ref, alt
