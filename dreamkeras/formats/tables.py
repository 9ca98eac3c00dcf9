"""Reads selected columns of TSV and CSV files in batches, with the line number of each row. Columns are selected by name or by position.

Values are strings. To distinguish a header from data, this module recognises cells that look like DNA.
"""

import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import Source
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.decimals import NOT_FINITE, is_number
from dreamkeras.formats.delimited import clean_cell, clean_column, filled_rows
from dreamkeras.sequence.alphabet import BASES, IUPAC
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS

__all__ = [
    "SEQUENCE_NAMES",
    "Column",
    "Layout",
    "Table",
    "find_column",
    "header_names",
    "is_dna",
    "named_or_placed",
    "rows_of",
    "sniff_layout",
]

Column = str | int
"""Name of a column, in upper or lower case, or position of a column, counted from 0."""

SEQUENCE_NAMES = ("sequence", "seq")
"""Default names of the sequence column, in lower case."""

# A cell of at least four bases is treated as a sequence. Words such as `dna` also consist of IUPAC codes, so a sequence with
# ambiguity codes other than N must have at least eight letters.
_DNA = re.compile(f"[{BASES}N]{{4,}}|[{''.join(IUPAC)}]{{8,}}", re.IGNORECASE)

_POSITION = re.compile("0|[1-9][0-9]{0,8}")

# Matches DNA and RNA sequences of any length, which may contain gaps (`.` or `-`) and stop symbols (`*`).
_LETTERS = re.compile("[ACGTUN*.-]*", re.IGNORECASE)

LISTED = 20
"""Maximum number of columns that an error message lists."""


class Table(NamedTuple):
    """A batch of n rows of a table.

    Args:
        columns: For each column, a list of n cells. Cells are strings.
        lines: Line number of each row, counted from 1, int64 (n,).
        source: Path of the file, for error messages.
    """

    columns: list[list[str]]
    lines: np.ndarray
    source: str


class Layout(NamedTuple):
    """Layout of a table.

    Args:
        delimiter: Character between two cells.
        names: Column names in the header, without a leading `#`. If the table has no header, `names` is None.
        first: Cells of the first row that is not blank, which may be a header.
        line: Line number of the first row, counted from 1, or 0 for formats without lines.
    """

    delimiter: str
    names: tuple[str, ...] | None
    first: tuple[str, ...]
    line: int


def sniff_layout(
    source: Source, *, delimiter: str | None = None, header: bool | None = None, columns: Iterable[Column | None] = ()
) -> Layout:
    """Detects the layout of an open table from its first bytes, without consuming the stream.

    Args:
        source: Open input.
        delimiter: Character between cells. Defaults to a tab if the first line contains a tab, otherwise to a comma.
        header: Whether the first row is a header. If None, the first row is treated as a header if it contains neither numbers nor
            sequences.
        columns: Columns that the caller will read. A first row without a sequence is also treated as a header if it contains the name of a
            column that the caller will read. Names that are numbers, such as `2024`, are evidence of a header only if the first
            row contains all of them.
    """
    lines = io.StringIO(source.head.decode("utf-8", "replace"), newline="")
    delimiter = delimiter or ("\t" if "\t" in next(filter(str.strip, lines), "") else ",")
    lines.seek(0)
    line, first = next(filled_rows(lines, delimiter, source.path), (1, []))
    cells = tuple(clean_cell(cell, delimiter) for cell in first)
    names = header_names(cells)
    named = _is_header(names, columns) if header is None else header
    return Layout(delimiter, names if named else None, cells, line)


def header_names(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the column names in a header. A leading `#` of the first name is removed, so that `#id` becomes `id`."""
    return (cells[0].lstrip("#").strip() or cells[0], *cells[1:]) if cells else ()


def named_or_placed(layout: Layout, text: Column | None) -> Column | None:
    """Converts a string of digits to the position of a column, unless the string is the name of a column in the header.

    A text that is not a position is returned unchanged.

    Example:
        >>> layout = Layout(",", ("sequence", "2", "1"), ("sequence", "2", "1"), 1)
        >>> named_or_placed(layout, "1"), named_or_placed(layout, "0")
        ('1', 0)
    """
    if isinstance(text, str) and _POSITION.fullmatch(text) and text not in (layout.names or ()):
        return int(text)
    return text


def find_column(layout: Layout, column: Column, path: str) -> int:
    """Returns the position of a column. `column` is the position itself or the name, in upper or lower case.

    The name of the first column may be given with or without a leading `#`.

    Raises:
        InputError: The column does not exist, or its name is not unique. The message lists the columns.
    """
    file, line = source_name(path), f" in line {layout.line}" if layout.line else ""
    if not layout.first:
        raise InputError(f"Cannot read {file}: it has no columns.")
    if isinstance(column, int):
        if 0 <= column < len(layout.first):
            return column
        raise InputError(f"{file} has no column at position {column}: there are {len(layout.first)} columns{line}. Positions start at 0.")
    names = layout.names or ()
    found = _named(names, column) or (_named(layout.first[:1], column) if names else [])
    if len(found) == 1:
        return found[0]
    shown = ", ".join(map(_short, layout.first[:LISTED] if layout.names is None else names[:LISTED]))
    more = f" and {len(layout.first) - LISTED:,} more" if len(layout.first) > LISTED else ""
    if not names:
        raise InputError(f"{file} has no column named {column!r}, because it has no header. Cells{line}: {shown}{more}.")
    raise InputError(f"{file} has {'several columns' if found else 'no column'} named {column!r}. Columns{line}: {shown}{more}.")


def _named(names: Sequence[str], wanted: str) -> list[int]:
    """Returns the positions of the columns with a given name, ignoring case if no name matches exactly."""
    exact = [i for i, name in enumerate(names) if name == wanted]
    return exact or [i for i, name in enumerate(names) if name.lower() == wanted.lower()]


def is_dna(cell: str) -> bool:
    """Returns whether a cell looks like a sequence rather than a name.

    Example:
        >>> is_dna("ACGTN"), is_dna("seq"), is_dna("DNA")
        (True, False, False)
    """
    return bool(_DNA.fullmatch(cell))


def rows_of(
    source: Source, layout: Layout, positions: Sequence[int], *, batch: int = BATCH_ROWS, uneven: set[int] | None = None
) -> Iterator[Table]:
    """Reads columns of an open table in batches of at least one row. Blank lines are skipped.

    Args:
        source: Open input.
        layout: Layout of the table.
        positions: Positions of the columns, counted from 0.
        batch: Maximum number of rows in a batch.
        uneven: Set that collects the line numbers of rows with too few or too many cells. Missing cells become empty strings. If
            None, a row with too few or too many cells is an error.

    Raises:
        InputError: The table has no row, or a row has too few or too many cells and `uneven` is None.
    """
    text = io.TextIOWrapper(source.stream, "utf-8", newline="")
    rows = _even_rows(filled_rows(text, layout.delimiter, source.path), len(layout.first), source.path, uneven)
    if layout.names is not None:
        next(rows, None)
    row = None
    for row in rows:
        lines, cells = zip(*_batch(itertools.chain([row], rows), positions, batch), strict=True)
        columns = [clean_column(column, layout.delimiter) for column in zip(*cells, strict=True)]
        yield Table(columns, np.array(lines, np.int64), source.path)
    if row is None:
        raise InputError(f"Expected at least one row below the header, got none in {source_name(source.path)}.")


def _batch(rows: Iterator[tuple[int, list[str]]], positions: Sequence[int], batch: int) -> Iterator[tuple[int, list[str]]]:
    """Yields the line number and the selected cells of the next rows, until the batch has the maximum number of rows or characters."""
    size = 0
    for line, row in itertools.islice(rows, batch):
        cells = [row[position] for position in positions]
        yield line, cells
        size += sum(map(len, cells))
        if size >= BATCH_LETTERS:
            return


def _even_rows(rows: Iterator[tuple[int, list[str]]], width: int, path: str, uneven: set[int] | None) -> Iterator[tuple[int, list[str]]]:
    """Yields rows after checking that each row has `width` cells. Additional empty cells at the end of a row are ignored.

    The line numbers of rows with too few or too many cells are added to `uneven`. If `uneven` is None, the first row with
    too few or too many cells raises an error.
    """
    for line, row in rows:
        if len(row) < width or any(row[width:]):
            if uneven is None:
                raise InputError(f"Expected {width} columns, got {len(row)} ({source_name(path)}, line {line}).")
            uneven.add(line)
            row = row + [""] * (width - len(row))
        yield line, row


def _is_header(cells: Sequence[str], columns: Iterable[Column | None]) -> bool:
    if any(cell.lower() in SEQUENCE_NAMES for cell in cells):
        return True
    asked = [column for column in columns if isinstance(column, str)]
    if any(column in cells for column in asked if not _is_data(column)):
        return not any(map(is_dna, cells))
    numbers = set(filter(is_number, asked))
    if numbers and numbers <= set(cells):
        # The name of the index column is empty in files that pandas wrote.
        return not any(map(_LETTERS.fullmatch, cells[1:] if cells[0] == "" else cells))
    return not any(map(_is_data, cells))


def _is_data(cell: str) -> bool:
    return is_dna(cell) or is_number(cell) or cell.lower() in NOT_FINITE


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 20 else cell[:17] + "...")
