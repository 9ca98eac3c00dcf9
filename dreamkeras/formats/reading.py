"""read_records and open_table: sequences, or columns, from any file dreamkeras takes, in batches of bounded size.

FASTA, FASTQ, TSV, CSV or one sequence a line, plain or gzip, by path or from standard input; or a Parquet file. The format is told by the
first bytes, then by the file's name. Constructs check the letters.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import PurePath
from typing import BinaryIO, Literal, NamedTuple, get_args

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import PARQUET, Source, open_source
from dreamkeras.files.inputs import copied, source_name
from dreamkeras.files.streams import is_stream
from dreamkeras.formats.decimals import is_number, is_whole
from dreamkeras.formats.fasta import read_fasta, read_lines
from dreamkeras.formats.fastq import read_fastq
from dreamkeras.formats.parquet import parquet_layout, parquet_rows, read_parquet
from dreamkeras.formats.tables import SEQUENCE_NAMES, Column, Layout, Table, find_column, is_dna, named_or_placed, rows_of, sniff_layout
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
"""Column names, in lower case, that ids are known by; the first one found counts."""

_FASTA_SUFFIXES = {".fa", ".fasta", ".fna", ".ffn", ".fas"}
_FASTQ_SUFFIXES = {".fq", ".fastq"}
_TABLE_SUFFIXES = {".tsv", ".csv"}
_PACKED_SUFFIXES = {".gz", ".bgz"}
_DELIMITERS = {"tsv": "\t", "csv": ","}


def read_records(
    path: str,
    *,
    format: Format = "auto",
    id_column: Column | None = None,
    sequence_column: Column | None = None,
    batch: int = BATCH_ROWS,
    opened: BinaryIO | None = None,
) -> Iterator[Records]:
    r"""The named sequences of a file, in its order.

    Args:
        path: The file; `-` reads standard input.
        format: Of the file; by default found from its first bytes and its name.
        id_column: Name or position (from 0) of a table's id column; by default the one called id, seq_id or name or, where
            there is no header, the first if it holds no numbers and the sequences stand further right. Without one, ids are
            running numbers from 1, as they are for one sequence a line. Digits as text are a name first, and then a position.
        sequence_column: Name or position of a table's sequences; by default the one called sequence or seq or, where there
            is no header, the one that looks like DNA.
        batch: Most records in a batch; long sequences make smaller ones.
        opened: The bytes (not Parquet), where they are open already and `path` is only what messages call them; they stay open.

    Yields:
        Records, at least one in a batch. Letters are as in the file; a record without letters is handed on.

    Raises:
        InputError: The file is missing, empty, broken, or not in the format; the message names file and line.
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
        chosen = sniff_format(source, is_table=id_column is not None or sequence_column is not None) if format == "auto" else format
        if chosen in ("fasta", "fastq", "lines") and not (id_column is sequence_column is None):
            raise InputError(f"Expected a table to choose columns of, got {chosen} in {source_name(source.path)}.")
        if chosen == "fasta":
            yield from read_fasta(source.stream, source.path, batch=batch)
        elif chosen == "fastq":
            yield from read_fastq(source.stream, source.path, batch=batch)
        elif chosen == "lines":
            yield from read_lines(source.stream, source.path, batch=batch)
        elif chosen == "parquet" and opened:
            raise InputError(f"Expected FASTA, FASTQ, TSV, CSV or lines, got Parquet, which can only be read from a file: {path}.")
        elif chosen == "parquet":
            with _seekable(source) as copy:
                layout = parquet_layout(source.path, copy)
                columns = named_or_placed(layout, sequence_column), named_or_placed(layout, id_column)
                positions = sequence_position(layout, columns[0], source.path), id_position(layout, columns[1], source.path)
                yield from read_parquet(source.path, *positions, batch=batch, copy=copy)
        else:
            layout = sniff_layout(source, delimiter=_DELIMITERS.get(chosen), columns=(id_column, sequence_column))
            yield from _table_records(source, layout, id_column, sequence_column, batch)


def read_files(paths: Iterable[str], *, id_column: Column | None = None, sequence_column: Column | None = None) -> Iterator[Records]:
    """The records of several files, one after the other; see `read_records`."""
    for path in paths:
        yield from read_records(path, id_column=id_column, sequence_column=sequence_column)


class OpenTable(NamedTuple):
    """A table whose columns may be chosen, and then read once; `copy` is as in `parquet.parquet_layout`."""

    layout: Layout
    source: Source
    copy: BinaryIO | None = None

    def rows(self, positions: Sequence[int], uneven: set[int] | None = None) -> Iterator[Table]:
        """The columns at these positions, from 0, in batches; see `tables.rows_of` and `parquet.parquet_rows`."""
        if self.source.head.startswith(PARQUET):
            return parquet_rows(self.source.path, positions, copy=self.copy)
        return rows_of(self.source, self.layout, positions, uneven=uneven)


@contextmanager
def open_table(path: str, columns: Iterable[Column | None] = (), header: bool | None = None) -> Iterator[OpenTable]:
    """Opens a table: TSV or CSV, plain or gzip, or Parquet; for the columns that will be read, and `header`, see `tables.sniff_layout`.

    Raises:
        InputError: The file is missing, empty or broken; the message names it.
        MissingPackageError: The file is Parquet and pyarrow is not installed.
    """
    with open_source(path) as source:
        if source.head.startswith(PARQUET):
            with _seekable(source) as copy:
                yield OpenTable(parquet_layout(path, copy), source, copy)
        else:
            yield OpenTable(sniff_layout(source, header=header, columns=columns), source)


def _seekable(source: Source) -> AbstractContextManager[BinaryIO | None]:
    """A copy of what cannot be read from its end, as Parquet is; None of a file."""
    return copied(source.stream, source.path) if is_stream(source.path) else nullcontext()


def sniff_format(source: Source, *, is_table: bool = False) -> Format:
    """The format of an open input; `is_table` says that columns were asked for.

    A `>` first means FASTA under any name, `@` and a third line that begins with `+` FASTQ; a file called .fa has to be FASTA, and
    one called .fq FASTQ.
    """
    if source.head.startswith(PARQUET):
        return "parquet"
    first = next(filter(bytes.strip, source.head.split(b"\n")), b"").strip()
    name = PurePath(source.path.lower())
    suffix = (name.with_suffix("") if name.suffix in _PACKED_SUFFIXES else name).suffix
    if first.startswith(b">") or suffix in _FASTA_SUFFIXES:
        return "fasta"
    if suffix in _FASTQ_SUFFIXES or _is_fastq(source.head):
        return "fastq"
    if b"\t" in first:
        return "tsv"
    if b"," in first:
        return "csv"
    named = first.decode("latin-1").lstrip("#").strip(' "').lower() in SEQUENCE_NAMES
    return "tsv" if is_table or named or suffix in _TABLE_SUFFIXES else "lines"


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
    """The position of a table's sequences: the given column, or the one that is called or looks like sequences.

    Raises:
        InputError: There is none.
    """
    if column is not None:
        return find_column(layout, column, path)
    if layout.names is not None:
        lowered = [name.lower() for name in layout.names]
        return find_column(layout, next((name for name in SEQUENCE_NAMES if name in lowered), SEQUENCE_NAMES[0]), path)
    if not any(map(is_dna, layout.first)):
        is_bed = len(layout.first) > 2 and all(map(is_whole, layout.first[1:3]))
        way = ": regions of BED need a genome" if is_bed else ""
        raise InputError(f"Expected a column of sequences, got {layout.first} ({source_name(path)}, line {layout.line}){way}.")
    return max(range(len(layout.first)), key=lambda i: (is_dna(layout.first[i]), len(layout.first[i])))


def id_position(layout: Layout, column: Column | None, path: str) -> int | None:
    """The position of a table's ids: the given column, or the one that is called so; None without one.

    Raises:
        InputError: There is no column as asked for.
    """
    if column is not None:
        return find_column(layout, column, path)
    lowered = [name.lower() for name in layout.names or ()]
    return next((lowered.index(name) for name in ID_NAMES if name in lowered), None)
