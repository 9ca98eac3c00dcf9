"""Splits lines of TSV and CSV into cells. Each line is one row. TSV and CSV differ in the treatment of quotation marks.

In TSV, a quotation mark is an ordinary character, but a pair of quotation marks around a cell, which pandas and R may write, is
removed. In CSV, cells are quoted as in RFC 4180, except that a quoted cell cannot contain a line break.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name

__all__ = ["TAB", "clean_cell", "clean_column", "filled_rows"]

TAB = "\t"
QUOTE = '"'


def filled_rows(text: Iterable[str], delimiter: str, path: str, first: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows that are not blank, each with its line number, counted from 1.

    Args:
        text: Lines of the file.
        delimiter: Character between cells. A tab selects the rules of TSV, and any other character selects the rules of CSV.
        path: Path of the file, for error messages.
        first: Line number of the first row. Earlier lines are skipped.

    Raises:
        InputError: In a CSV file, a quoted cell continues on the next line, or text follows its closing quotation mark.
    """
    text = itertools.islice(text, first - 1, None)
    rows = (line.rstrip("\r\n").split(TAB) for line in text) if delimiter == TAB else _csv_rows(text, delimiter, path, first)
    for line, row in enumerate(rows, first):
        if len(row) > 1 or any(map(str.strip, row)):
            yield line, row


def clean_cell(cell: str, delimiter: str) -> str:
    r"""Removes surrounding white space from a cell and, in TSV, a pair of quotation marks around the cell.

    Example:
        >>> [clean_cell(cell, "\t") for cell in (' "ACGT" ', '"the ""core"" one"', '"core', '"a" or "b"')]
        ['ACGT', 'the "core" one', '"core', '"a" or "b"']
    """
    cell = cell.strip()
    return _unquoted(cell) if delimiter == TAB and cell[:1] == QUOTE else cell


def clean_column(cells: Sequence[str], delimiter: str) -> list[str]:
    """Applies `clean_cell` to each cell of a column."""
    cells = list(map(str.strip, cells))
    return [_unquoted(cell) if cell[:1] == QUOTE else cell for cell in cells] if delimiter == TAB else cells


def _csv_rows(text: Iterable[str], delimiter: str, path: str, first: int) -> Iterator[list[str]]:
    """Yields the cells of each line of a CSV file. `first` is the number of the first line."""
    asked = given = first - 1

    def lines() -> Iterator[str]:
        nonlocal asked
        for line in text:
            asked += 1
            if asked > given + 1:  # The csv module requests another line because a quoted cell has not ended.
                break
            yield line
        if asked > given:
            where = f"{source_name(path)}, line {given + 1}"
            raise InputError(f"A quoted cell has no closing quotation mark on the same line ({where}).")

    try:
        for row in csv.reader(lines(), delimiter=delimiter, strict=True):
            given += 1
            yield row
    except csv.Error as error:
        raise InputError(f"Malformed row ({source_name(path)}, line {asked}: {error}).") from None


def _unquoted(cell: str) -> str:
    """Removes a pair of quotation marks around a cell if all quotation marks inside are doubled.

    If the cell is not quoted in this way, the cell is returned unchanged.
    """
    inner = cell[1:-1].replace(2 * QUOTE, "")
    return cell[1:-1].replace(2 * QUOTE, QUOTE).strip() if len(cell) > 1 and cell[-1] == QUOTE and QUOTE not in inner else cell
