"""Detects the delimiter, the comments and the header of a table from its first bytes.

To distinguish a header from data, this module recognises cells that look like DNA.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dreamkeras.files.decompression import Source
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.decimals import NOT_FINITE, is_number
from dreamkeras.formats.delimited import TAB, clean_cell, filled_rows
from dreamkeras.sequence.alphabet import BASES, IUPAC

__all__ = ["SEQUENCE_NAMES", "Column", "Layout", "header_names", "is_comment", "is_dna", "sniff_layout"]

Column = str | int
"""Name of a column, in upper or lower case, or position of a column, counted from 0."""

SEQUENCE_NAMES = ("sequence", "seq")
"""Default names of the sequence column, in lower case."""

# A cell of at least four bases is treated as a sequence. Words such as `dna` also consist of IUPAC codes, so a sequence with
# ambiguity codes other than N must have at least eight letters.
_DNA = re.compile(f"[{BASES}N]{{4,}}|[{''.join(IUPAC)}]{{8,}}", re.IGNORECASE)

# Matches DNA and RNA sequences of any length, which may contain gaps (`.` or `-`) and stop symbols (`*`).
_LETTERS = re.compile("[ACGTUN*.-]*", re.IGNORECASE)

DELIMITERS = "\t,;"
"""Characters that may separate the cells of a table."""


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

    def place(self, path: str) -> str:
        """Returns the name of the file and the line of the first row, for messages. Formats without lines have only a name."""
        return f"{source_name(path)}, line {self.line}" if self.line else source_name(path)


def sniff_layout(
    source: Source, *, delimiter: str = DELIMITERS, header: bool | None = None, columns: Iterable[Column | None] = ()
) -> Layout:
    """Detects the layout of an open table from its first bytes, without consuming the stream. Comments before the table are skipped.

    A comment is a line that begins with `#`. A header may also begin with `#`.

    Args:
        source: Open input.
        delimiter: Character between cells, or several characters, of which the first line of the table determines one.
        header: Whether the first row is a header. If None, the first row is treated as a header if it contains neither numbers nor
            sequences.
        columns: Columns that the caller will read. A first row without a sequence is also treated as a header if it contains the name of a
            column that the caller will read. Names that are numbers, such as `2024`, are evidence of a header only if the first
            row contains all of them.
    """
    columns = list(columns)
    text = io.StringIO(source.head.decode("utf-8", "replace"), newline="")
    lines = [(number, line) for number, line in enumerate(text, 1) if line.strip()]
    after = next((place for place, (_, line) in enumerate(lines) if not is_comment(line)), 0)
    chosen = _delimiter(lines[after][1] if lines else "", delimiter, columns)
    place = _first_row([line for _, line in lines[: after + 1]], chosen, columns) if after else 0
    text.seek(0)
    line, first = next(filled_rows(text, chosen, source.path, lines[place][0] if lines else 1), (1, []))
    cells = tuple(clean_cell(cell, chosen) for cell in first)
    names = header_names(cells)
    named = _is_header(names, columns) if header is None else header
    return Layout(chosen, names if named else None, cells, line)


def is_comment(line: str) -> bool:
    """Returns whether a line begins with `#`, also inside quotation marks. The header of a table may be such a line, too."""
    return line.startswith(("#", '"#'))


def _delimiter(line: str, choices: str, columns: Sequence[Column | None]) -> str:
    """Returns the delimiter of a line.

    A tab is preferred. If the line contains both a comma and a semicolon, the delimiter that separates a sequence or the name of a
    column is used, otherwise the comma.
    """
    found = [choice for choice in choices if choice in line] or ["," if "," in choices else choices[0]]
    return TAB if TAB in found else max(found, key=lambda choice: _is_known(_split(line, choice), columns))


def _first_row(lines: Sequence[str], delimiter: str, columns: Sequence[Column | None]) -> int:
    """Returns the index of the first row of a table, which is the last of `lines`, or one of the comments before it.

    If the last line is not a header, one of the comments may be the first row. Such a comment has as many cells as the last line. It is a
    row if it contains a sequence, because ids may begin with `#`. The last comment is the header if it contains the name of a column that
    the caller will read, or no space after `#`.
    """
    rows = [_split(line, delimiter) for line in lines]
    last = len(rows) - 1
    if _is_header(header_names(rows[last]), columns):
        return last
    data = (place for place in range(last) if len(rows[place]) == len(rows[last]) > 1 and any(map(is_dna, rows[place])))
    if (place := next(data, None)) is not None:
        return place
    names = header_names(rows[last - 1])
    is_tight = len(names) > 1 and not lines[last - 1].lstrip('"#').startswith(" ") and _is_header(names, columns)
    return last - 1 if len(names) == len(rows[last]) and (is_tight or _is_known(names, columns)) else last


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    """Splits a line that may be a comment. Unlike `filled_rows`, quotation marks cannot be malformed."""
    return tuple(clean_cell(cell, TAB) for cell in line.split(delimiter))


def _is_known(cells: Sequence[str], columns: Sequence[Column | None]) -> bool:
    """Returns whether cells include a sequence, a default name of the sequence column, or a column that the caller will read."""
    names = header_names(tuple(cells))
    return any(is_dna(cell) or cell.lower() in SEQUENCE_NAMES or (cell in columns and not _is_data(cell)) for cell in names)


def header_names(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the column names in a header. A leading `#` of the first name is removed, so that `#id` becomes `id`."""
    return (cells[0].lstrip("#").strip() or cells[0], *cells[1:]) if cells else ()


def is_dna(cell: str) -> bool:
    """Returns whether a cell looks like a sequence rather than a name.

    Example:
        >>> is_dna("ACGTN"), is_dna("seq"), is_dna("DNA")
        (True, False, False)
    """
    return bool(_DNA.fullmatch(cell))


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
