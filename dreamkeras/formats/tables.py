"""Reads selected columns of TSV and CSV files in batches, with the line number of each row. Columns are selected by name or by position.

Values are strings. The module `headers` detects the header and the delimiter.
"""

import io
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError, counted
from dreamkeras.files.decompression import Source
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.delimited import clean_column, filled_rows
from dreamkeras.formats.headers import Column, Layout
from dreamkeras.sequence.records import BATCH_LETTERS, BATCH_ROWS

__all__ = ["Table", "find_column", "has_column", "named_or_placed", "rows_of"]

_POSITION = re.compile("0|[1-9][0-9]{0,8}")

LISTED = 20
"""Maximum number of columns that an error message lists."""


class Table(NamedTuple):
    """A batch of n rows of a table.

    Args:
        columns: For each column, a list of n cells. Cells are strings.
        lines: Line number of each row, counted from 1, int64 (n,).
        source: Path of the file, for error messages.
        unit: Unit of `lines`: `"line"`, or `"row"` for Parquet.
    """

    columns: list[list[str]]
    lines: np.ndarray
    source: str
    unit: str = "line"


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
        raise InputError(
            f"{file} has no column at position {column}: the table has {counted(len(layout.first), 'column')}{line}. Positions start at 0."
        )
    names = layout.names or ()
    found = _named(names, column) or (_named(layout.first[:1], column) if names else [])
    if len(found) == 1:
        return found[0]
    shown = ", ".join(map(_short, layout.first[:LISTED] if layout.names is None else names[:LISTED]))
    more = f" and {len(layout.first) - LISTED:,} more" if len(layout.first) > LISTED else ""
    if not names:
        raise InputError(f"{file} has no column named {column!r}, because it has no header. Cells{line}: {shown}{more}.")
    raise InputError(f"{file} has {'several columns' if found else 'no column'} named {column!r}. Columns{line}: {shown}{more}.")


def has_column(layout: Layout, column: Column) -> bool:
    """Returns whether a table has a column of a given name, in upper or lower case, or at a given position."""
    if isinstance(column, int):
        return 0 <= column < len(layout.first)
    return bool(_named(layout.names or (), column))


def _named(names: Sequence[str], wanted: str) -> list[int]:
    """Returns the positions of the columns with a given name, ignoring case if no name matches exactly."""
    exact = [i for i, name in enumerate(names) if name == wanted]
    return exact or [i for i, name in enumerate(names) if name.lower() == wanted.lower()]


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
    rows = _even_rows(filled_rows(text, layout.delimiter, source.path, max(1, layout.line)), len(layout.first), source.path, uneven)
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


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 20 else cell[:17] + "...")
