"""Reads sequences or table columns from files of any supported format, in batches of bounded size.

Supported formats are FASTA, FASTQ, TSV, CSV, Parquet, and text with one sequence per line. All formats except Parquet may be
compressed with gzip. The input is a file or standard input. The format is detected from the first bytes and the file name. Readers do not
check that sequences are DNA, because `Construct` checks this later.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import PurePath
from typing import BinaryIO, Literal, NamedTuple, get_args

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import PARQUET, Source, open_source
from dreamkeras.files.inputs import copied, source_name
from dreamkeras.files.kinds import READ_BED, TABLE, TO_BED, Expected, refuse_other_kinds
from dreamkeras.files.streams import is_stream
from dreamkeras.formats.decimals import is_number, is_whole
from dreamkeras.formats.fasta import read_fasta, read_lines
from dreamkeras.formats.fastq import read_fastq
from dreamkeras.formats.headers import SEQUENCE_NAMES, Column, Layout, is_comment, is_dna, sniff_layout
from dreamkeras.formats.parquet import parquet_layout, parquet_rows, read_parquet
from dreamkeras.formats.tables import Table, find_column, named_or_placed, rows_of
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import BATCH_ROWS, Records, numbered

__all__ = [
    "ID_NAMES",
    "Format",
    "OpenTable",
    "id_position",
    "open_table",
    "read_files",
    "read_records",
    "sequence_position",
    "sniff_format",
]

Format = Literal["auto", "fasta", "fastq", "tsv", "csv", "lines", "parquet"]

ID_NAMES = ("id", "seq_id", "name")
"""Default names of the id column, in lower case. If the header has several of these names, the first name in this order is used."""

_FASTA_SUFFIXES = {".fa", ".fasta", ".fna", ".ffn", ".fas"}
_FASTQ_SUFFIXES = {".fq", ".fastq"}
_TABLE_SUFFIXES = {".tsv", ".csv"}
_PACKED_SUFFIXES = {".gz", ".bgz"}
_DELIMITERS = {"tsv": "\t", "csv": ",;"}


def read_records(
    path: str,
    *,
    format: Format = "auto",
    id_column: Column | None = None,
    sequence_column: Column | None = None,
    batch: int = BATCH_ROWS,
    opened: BinaryIO | None = None,
) -> Iterator[Records]:
    r"""Reads the sequences in a file and their ids, in the order of the file.

    Args:
        path: Path of the file. `-` reads standard input.
        format: Format of the file. By default, the format is detected from the first bytes and the file name.
        id_column: Name or position (from 0) of the id column. Defaults to the column named id, seq_id or name. Without a header, the
            default is the first column, if that column precedes the sequences and its first cell is not a number. Without ids, records are
            numbered from 1. A string of digits is used as a name if the header has exactly this name, and as a position
            otherwise.
        sequence_column: Name or position of the sequence column. Defaults to the column named sequence or seq. Without a header, the
            default is the column that looks like DNA.
        batch: Maximum number of records in a batch. Batches of long sequences have fewer records.
        opened: Open stream with the bytes of the file. The stream is not closed. With a stream, Parquet is not supported, and `path` is
            used only to detect the format and to name the input in error messages.

    Yields:
        Batches of at least one record. The letters of the sequences are unchanged. Sequences may be empty.

    Raises:
        InputError: The file is missing, empty, damaged, or not in the expected format. The message names the file and the line.
        MissingPackageError: The file is Parquet and pyarrow is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "two.fa")
        >>> _ = file.write_text(">a first\nACGT\n>b\nGG\nTT\n")
        >>> [(records.ids, records.sequences[1]) for records in read_records(str(file))]
        [(['a', 'b'], 'GGTT')]
    """
    if format not in get_args(Format):
        raise InputError(f"Expected one of the formats {', '.join(get_args(Format))}, got {format!r}.")
    with open_source(str(path), opened) as source:
        refuse_other_kinds(source.head, source_name(source.path))
        chosen = sniff_format(source, is_table=id_column is not None or sequence_column is not None) if format == "auto" else format
        if chosen in ("fasta", "fastq", "lines") and not (id_column is sequence_column is None):
            raise InputError(f"Columns can be chosen in tables only, but {source_name(source.path)} has format {chosen}.")
        if chosen == "fasta":
            yield from read_fasta(source.stream, source.path, batch=batch)
        elif chosen == "fastq":
            yield from read_fastq(source.stream, source.path, batch=batch)
        elif chosen == "lines":
            yield from read_lines(source.stream, source.path, batch=batch)
        elif chosen == "parquet" and opened:
            raise InputError(f"Cannot read Parquet from {path}. Use FASTA, FASTQ, TSV, CSV or one sequence per line.")
        elif chosen == "parquet":
            with _seekable(source) as copy:
                layout = parquet_layout(source.path, copy)
                columns = named_or_placed(layout, sequence_column), named_or_placed(layout, id_column)
                positions = sequence_position(layout, columns[0], source.path), id_position(layout, columns[1], source.path)
                yield from read_parquet(source.path, *positions, batch=batch, copy=copy)
        else:
            layout = sniff_layout(source, delimiter=_DELIMITERS[chosen], columns=(id_column, sequence_column))
            yield from _table_records(source, layout, id_column, sequence_column, batch)


def read_files(paths: Iterable[str], *, id_column: Column | None = None, sequence_column: Column | None = None) -> Iterator[Records]:
    """Reads the records of several files, in order. See `read_records` for the arguments."""
    for path in paths:
        yield from read_records(path, id_column=id_column, sequence_column=sequence_column)


class OpenTable(NamedTuple):
    """An open table, from which the caller can choose columns and read them once.

    Args:
        layout: Layout of the table, with its column names.
        source: Open input.
        copy: Copy of the bytes of a Parquet file that is read from a stream. For other inputs, `copy` is None.
    """

    layout: Layout
    source: Source
    copy: BinaryIO | None = None

    def rows(self, positions: Sequence[int], uneven: set[int] | None = None) -> Iterator[Table]:
        """Reads the columns at the given positions, counted from 0. See `tables.rows_of` and `parquet.parquet_rows`."""
        if self.source.head.startswith(PARQUET):
            return parquet_rows(self.source.path, positions, copy=self.copy)
        return rows_of(self.source, self.layout, positions, uneven=uneven)


@contextmanager
def open_table(
    path: str, columns: Iterable[Column | None] = (), header: bool | None = None, *, expected: Expected = TABLE
) -> Iterator[OpenTable]:
    """Opens a TSV, CSV or Parquet file as a table. TSV and CSV may be compressed with gzip.

    Args:
        path: Path of the file. `-` reads standard input.
        columns: Columns that the caller will read. Column names help to detect a header; see `tables.sniff_layout`.
        header: Whether the first row is a header. If None, a header is detected from the content.
        expected: Expected kind of file. If it is not a table, the caller must refuse it.

    Raises:
        InputError: The file is missing, empty, damaged or of another kind. The message names the file.
        MissingPackageError: The file is Parquet and pyarrow is not installed.
    """
    with open_source(path, expected=expected) as source:
        if source.head.startswith(PARQUET):
            with _seekable(source) as copy:
                yield OpenTable(parquet_layout(path, copy), source, copy)
        else:
            yield OpenTable(sniff_layout(source, header=header, columns=columns), source)


def _seekable(source: Source) -> AbstractContextManager[BinaryIO | None]:
    """Returns a seekable copy of a stream, or None for a file. Parquet files can be read only from seekable inputs."""
    return copied(source.stream, source.path) if is_stream(source.path) else nullcontext()


def sniff_format(source: Source, *, is_table: bool = False) -> Format:
    """Detects the format of an open input.

    Input that begins with `>` is FASTA. Input that begins with `@` and has a third line that begins with `+` is FASTQ. A file name
    with a suffix of FASTA or FASTQ, such as .fa or .fq, also determines the format.

    Args:
        source: Open input.
        is_table: Whether the input must be a table, because the user named a column.
    """
    if source.head.startswith(PARQUET):
        return "parquet"
    lines = [line.decode("latin-1").strip() for line in source.head.split(b"\n") if line.strip()]
    first = next(itertools.filterfalse(is_comment, lines), "")
    name = PurePath(source.path.lower())
    suffix = (name.with_suffix("") if name.suffix in _PACKED_SUFFIXES else name).suffix
    if first.startswith(">") or suffix in _FASTA_SUFFIXES:
        return "fasta"
    if suffix in _FASTQ_SUFFIXES or _is_fastq(source.head):
        return "fastq"
    if "\t" in first:
        return "tsv"
    if "," in first or ";" in first:
        return "csv"
    is_named = first.strip(' "').lower() in SEQUENCE_NAMES
    has_comment = bool(lines) and is_comment(lines[0])
    return "tsv" if is_table or is_named or has_comment or suffix in _TABLE_SUFFIXES else "lines"


def _is_fastq(head: bytes) -> bool:
    lines = head.split(b"\n", 3)
    return len(lines) > 2 and lines[0].startswith(b"@") and lines[2].startswith(b"+")


def _table_records(source: Source, layout: Layout, id: Column | None, sequence: Column | None, batch: int) -> Iterator[Records]:
    position = sequence_position(layout, named_or_placed(layout, sequence), source.path)
    unnamed = 0 if layout.names is None and position > 0 and not is_number(layout.first[0]) else None
    positions = [position, id_position(layout, unnamed if id is None else named_or_placed(layout, id), source.path)]
    count = 0
    for table in rows_of(source, layout, [position for position in positions if position is not None], batch=batch):
        ids = numbered(table.columns[-1] if positions[-1] is not None else [""] * len(table.lines), count)
        count += len(ids)
        yield Records(ids, Ragged.from_strings(table.columns[0]), table.lines, source.path)


def sequence_position(layout: Layout, column: Column | None, path: str) -> int:
    """Finds the sequence column: the given column, the column with a default name, or, without a header, a column that looks like DNA.

    Returns:
        Position of the column, counted from 0.

    Raises:
        InputError: The table has no sequence column, or the given column does not exist.
    """
    if column is not None:
        return find_column(layout, column, path)
    if layout.names is not None:
        lowered = [name.lower() for name in layout.names]
        return find_column(layout, next((name for name in SEQUENCE_NAMES if name in lowered), SEQUENCE_NAMES[0]), path)
    if not any(map(is_dna, layout.first)):
        raise InputError(f"Expected a column of sequences, got {layout.first} ({layout.place(path)}).{_region_advice(layout.first)}")
    return max(range(len(layout.first)), key=lambda i: (is_dna(layout.first[i]), len(layout.first[i])))


def _region_advice(cells: Sequence[str]) -> str:
    """Returns advice if the cells are those of a region without a sequence."""
    if len(cells) > 2 and all(map(is_whole, cells[1:3])):
        return f" {READ_BED}"
    is_gff = len(cells) > 7 and all(map(is_whole, cells[3:5])) and cells[6] in ("+", "-", ".", "?")
    return f" {TO_BED}" if is_gff else ""


def id_position(layout: Layout, column: Column | None, path: str) -> int | None:
    """Finds the id column: the given column, or the column with a default name.

    Returns:
        Position of the column, counted from 0, or None if the table has no ids.

    Raises:
        InputError: The given column does not exist.
    """
    if column is not None:
        return find_column(layout, column, path)
    lowered = [name.lower() for name in layout.names or ()]
    return next((lowered.index(name) for name in ID_NAMES if name in lowered), None)
