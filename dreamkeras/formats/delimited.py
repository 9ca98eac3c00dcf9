"""Lines of TSV and CSV as cells. A row is one line in both; what a quotation mark means differs.

TSV has no quoting: a quotation mark is a letter like any other. A pair around a whole cell, as pandas and R write it, is removed. CSV is
quoted as in RFC 4180, except that a quoted cell cannot hold a line break.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name

__all__ = ["clean_cell", "clean_column", "filled_rows"]

TAB = "\t"
QUOTE = '"'


def filled_rows(text: Iterable[str], delimiter: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with its line, from 1; a tab between cells makes it TSV.

    Raises:
        InputError: A quoted cell of CSV does not end on the line where it begins, or has letters behind its end.
    """
    rows = (line.rstrip("\r\n").split(TAB) for line in text) if delimiter == TAB else _csv_rows(text, delimiter, path)
    for line, row in enumerate(rows, 1):
        if len(row) > 1 or any(map(str.strip, row)):
            yield line, row


def clean_cell(cell: str, delimiter: str) -> str:
    r"""A cell without the blanks around it and, in TSV, without a pair of quotation marks around the whole of it.

    Example:
        >>> [clean_cell(cell, "\t") for cell in (' "ACGT" ', '"the ""core"" one"', '"core', '"a" or "b"')]
        ['ACGT', 'the "core" one', '"core', '"a" or "b"']
    """
    cell = cell.strip()
    return _unquoted(cell) if delimiter == TAB and cell[:1] == QUOTE else cell


def clean_column(cells: Sequence[str], delimiter: str) -> list[str]:
    """Many cells, as `clean_cell` would make of each."""
    cells = list(map(str.strip, cells))
    return [_unquoted(cell) if cell[:1] == QUOTE else cell for cell in cells] if delimiter == TAB else cells


def _csv_rows(text: Iterable[str], delimiter: str, path: str) -> Iterator[list[str]]:
    """A row for each line."""
    asked = given = 0

    def lines() -> Iterator[str]:
        nonlocal asked
        for line in text:
            asked += 1
            if asked > given + 1:  # the reader has not ended the row before
                break
            yield line
        if asked > given:
            where = f"{source_name(path)}, line {given + 1}"
            raise InputError(f"Expected a row on one line, got a quoted cell that does not end there ({where}).")

    try:
        for row in csv.reader(lines(), delimiter=delimiter, strict=True):
            given += 1
            yield row
    except csv.Error as error:
        raise InputError(f"Expected a table, got a malformed row ({source_name(path)}, line {asked}: {error}).") from None


def _unquoted(cell: str) -> str:
    """A cell without the quotation marks around the whole of it; those within are then doubled, or it was not quoted."""
    inner = cell[1:-1].replace(2 * QUOTE, "")
    return cell[1:-1].replace(2 * QUOTE, QUOTE).strip() if len(cell) > 1 and cell[-1] == QUOTE and QUOTE not in inner else cell
