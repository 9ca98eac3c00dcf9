"""Tables as text: the wanted columns of TSV and CSV files, by name or by position, in batches with line numbers.

Values stay strings. Knows nothing about sequences but how they look, to tell a header from data.
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
"""A column by its name, in any case, or by its position, from 0."""

SEQUENCE_NAMES = ("sequence", "seq")
"""Column names, in lower case, that a table of sequences is known by."""

# Four plain bases are taken for a sequence; the codes also spell words (`dna`, `strand` nearly), so it takes more of them.
_DNA = re.compile(f"[{BASES}N]{{4,}}|[{''.join(IUPAC)}]{{8,}}", re.IGNORECASE)

_POSITION = re.compile("0|[1-9][0-9]{0,8}")

# A sequence of any length, or one that is malformed.
_LETTERS = re.compile("[ACGTUN*.-]*", re.IGNORECASE)

LISTED = 20
"""Columns that a message lists."""


class Table(NamedTuple):
    """A batch of n rows: a list of strings for each column, int64 (n,) the line of each row, from 1, and the file's path, for messages."""

    columns: list[list[str]]
    lines: np.ndarray
    source: str


class Layout(NamedTuple):
    """How a table is laid out.

    Args:
        delimiter: The character between two cells.
        names: The header's cells, without a `#` before the first; None where the table has no header.
        first: The cells of the first row that is not blank, header or not.
        line: The line of that row, from 1; 0 where a format has no lines.
    """

    delimiter: str
    names: tuple[str, ...] | None
    first: tuple[str, ...]
    line: int


def sniff_layout(
    source: Source, *, delimiter: str | None = None, header: bool | None = None, columns: Iterable[Column | None] = ()
) -> Layout:
    """The layout of an open table, from its first bytes; nothing of its stream is used up.

    Args:
        source: The table's bytes.
        delimiter: The character between cells; by default tab if the first line has one, else comma.
        header: Whether the first row names the columns; by default told by its look: no number, no sequence in it.
        columns: Columns that will be asked for: a first row that holds one of these names, or all that are numbers, and no sequence is a
            header, too.
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
    """The names in a header, which may be a comment: of `#id`, the first of them, the name is `id`."""
    return (cells[0].lstrip("#").strip() or cells[0], *cells[1:]) if cells else ()


def named_or_placed(layout: Layout, text: Column | None) -> Column | None:
    """The column that an option's text is for: its name where the header has exactly this one, else, of digits, its position.

    Example:
        >>> layout = Layout(",", ("sequence", "2", "1"), ("sequence", "2", "1"), 1)
        >>> named_or_placed(layout, "1"), named_or_placed(layout, "0")
        ('1', 0)
    """
    if isinstance(text, str) and _POSITION.fullmatch(text) and text not in (layout.names or ()):
        return int(text)
    return text


def find_column(layout: Layout, column: Column, path: str) -> int:
    """The position of a column given by name, in any case, or by position. The `#` before the first name of a header may be left out.

    Raises:
        InputError: There is none, or more than one; the message lists the columns that exist.
    """
    where = f" ({source_name(path)}, line {layout.line})." if layout.line else f" ({path})."
    if isinstance(column, int):
        if 0 <= column < len(layout.first):
            return column
        raise InputError(f"Expected a column at position {column} (from 0), got {len(layout.first)} columns{where}")
    names = layout.names or ()
    found = _named(names, column) or (_named(layout.first[:1], column) if names else [])
    if len(found) == 1:
        return found[0]
    shown = ", ".join(map(_short, layout.first[:LISTED] if layout.names is None else names[:LISTED]))
    more = f" and {len(layout.first) - LISTED:,} more" if len(layout.first) > LISTED else ""
    listed = f"{shown}{more}" if names else f"no header but {shown}{more}"
    wanted = f"one column named {column!r}" if found else f"a column named {column!r}"
    raise InputError(f"Expected {wanted}, got {listed}{where}")


def _named(names: Sequence[str], wanted: str) -> list[int]:
    """The positions of exactly this name or, where there is none, of this one in any case."""
    exact = [i for i, name in enumerate(names) if name == wanted]
    return exact or [i for i, name in enumerate(names) if name.lower() == wanted.lower()]


def is_dna(cell: str) -> bool:
    """Whether a cell looks like a sequence rather than a name.

    Example:
        >>> is_dna("ACGTN"), is_dna("seq"), is_dna("DNA")
        (True, False, False)
    """
    return bool(_DNA.fullmatch(cell))


def rows_of(
    source: Source, layout: Layout, positions: Sequence[int], *, batch: int = BATCH_ROWS, uneven: set[int] | None = None
) -> Iterator[Table]:
    """Columns of an open table, by their positions from 0, in batches of at least one row; blank lines are left out.

    `uneven` takes the lines of rows with too few or too many cells, the missing ones of which are empty; without it, such a row is an
    error.

    Raises:
        InputError: There is no row, or a row has too few cells.
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
    """The wanted cells of the next rows, until the batch is full of rows or of letters."""
    size = 0
    for line, row in itertools.islice(rows, batch):
        cells = [row[position] for position in positions]
        yield line, cells
        size += sum(map(len, cells))
        if size >= BATCH_LETTERS:
            return


def _even_rows(rows: Iterator[tuple[int, list[str]]], width: int, path: str, uneven: set[int] | None) -> Iterator[tuple[int, list[str]]]:
    """The rows, each of `width` cells; `uneven` takes the lines of others, or they are errors. Empty cells at the end are ignored."""
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
        return not any(map(_LETTERS.fullmatch, cells[1:] if cells[0] == "" else cells))  # pandas has no name for its index
    return not any(map(_is_data, cells))


def _is_data(cell: str) -> bool:
    return is_dna(cell) or is_number(cell) or cell.lower() in NOT_FINITE


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 20 else cell[:17] + "...")
