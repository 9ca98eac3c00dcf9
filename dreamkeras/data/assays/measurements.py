"""Reads ids, sequences, measured values and folds from tables, in batches of rows. Other columns are ignored.

The functions in this module are shared by the assays, each of which has a separate module.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

import numpy as np

from dreamkeras.data.assays.rows import read_rows
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, OnError
from dreamkeras.files.kinds import MEASUREMENTS
from dreamkeras.formats.decimals import LARGEST, NOT_FINITE, is_number
from dreamkeras.formats.headers import SEQUENCE_NAMES, Column, Layout
from dreamkeras.formats.reading import open_table
from dreamkeras.formats.tables import Table, find_column
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records, numbered

__all__ = [
    "FOLD",
    "Columns",
    "Measurements",
    "oriented_examples",
    "read_folds",
    "read_measurements",
    "read_numbers",
    "read_whole_numbers",
]

FOLD = "fold"

MISSING = {
    "", "na", "n/a", "nan", "none", "null", "#n/a", "#n/a n/a", "#na", "<na>", "-nan", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
}  # fmt: skip
"""Cell contents, in lower case, that mark a missing value. pandas recognises the same words."""

_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")

PLAIN = b"0123456789+-.eE"
"""Characters of numbers in ASCII.

If a text consists only of these characters and NumPy can parse it, the module `decimals` accepts it, too.
"""


class Columns(NamedTuple):
    """Column names of an assay, in lower case. If several names are given, the first name that is in the header is used.

    Args:
        values: For each measured value, the possible names of its column.
        ids: Possible names of the id column. If empty, rows are numbered from 1.
        needs_header: Whether tables without a header or without ids are rejected. If False, the columns of a table without a header
            are sequence, values and, optionally, fold, in this order.
    """

    values: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...] = ()
    needs_header: bool = True


class Measurements(NamedTuple):
    """A batch of parsed rows.

    Args:
        records: Records of n sequences.
        values: Measured values, float64 (n, values), of at most `LARGEST`.
        folds: Folds, int32 (n,). None if the table has no fold column.
    """

    records: Records
    values: np.ndarray
    folds: np.ndarray | None


def read_measurements(path: str, columns: Columns, to_examples: Callable[[Measurements], Examples], on_error: OnError = "fail") -> Examples:
    """Reads a table and returns its examples. The table is Parquet, or TSV or CSV that may be compressed with gzip.

    The function `to_examples` converts each batch of rows to examples. See `rows.read_rows` for `on_error`.

    Raises:
        InputError: The file cannot be read, a column is missing, or a value or fold is not a number of at most `LARGEST`. The
            message names column, record, file and line.
    """
    with open_table(path, expected=MEASUREMENTS) as table:
        layout = table.layout
        if not columns.needs_header and not {name.lower() for name in layout.names or ()} & {*columns.ids}:
            columns = columns._replace(ids=())
        named = columns.needs_header or layout.names is not None
        positions = (_named_columns if named else _ordered_columns)(layout, columns, path)
        names = [layout.names[position] if layout.names else position for position in positions]
        return read_rows(table, positions, lambda rows, done: to_examples(_parsed(rows, names, columns, named, done)), on_error)


def oriented_examples(batch: Measurements, construct: Construct, reverse_mark: str) -> Examples:
    """Returns the examples of an assay that measures sequences in both orientations. The sequences are not reverse-complemented.

    Args:
        batch: Batch of n rows.
        construct: Construct whose only flag is `is_reverse`.
        reverse_mark: Text in the ids of sequences that were measured in reverse orientation.

    Raises:
        InputError: A sequence does not fit the construct. The message names the record.
    """
    records, values, folds = batch
    is_reverse = [[float(reverse_mark in name)] for name in records.ids]
    return Examples(
        ids=records.ids,
        letters=construct.cut(records),
        targets=values.astype(np.float32),
        flags=np.array(is_reverse, np.float32),
        lengths=records.sequences.lengths.astype(np.int32),
        folds=folds,
        construct=construct,
    )


def _named_columns(layout: Layout, columns: Columns, path: str) -> list[int]:
    """Returns the positions of the columns of sequences, values, ids (if `columns` names them) and folds (if the table has them)."""
    names = [name.lower() for name in layout.names or ()]
    wanted = [SEQUENCE_NAMES, *columns.values, *([columns.ids] if columns.ids else []), *([(FOLD,)] if FOLD in names else [])]
    return [find_column(layout, next((name for name in choices if name in names), choices[0]), path) for choices in wanted]


def _ordered_columns(layout: Layout, columns: Columns, path: str) -> list[int]:
    """Returns the positions of the columns of sequences, values and, if the table has another column, folds."""
    needed, came = 1 + len(columns.values), len(layout.first)
    if came < needed:
        wanted = "two columns (sequence and value)" if needed == 2 else f"{needed} columns (sequence and values)"
        raise InputError(f"Expected {wanted}, got {came} ({layout.place(path)}).")
    return list(range(min(came, needed + 1)))


def _parsed(table: Table, names: list[Column], columns: Columns, named: bool, done: int) -> Measurements:
    """Returns the numbers in a batch of rows. `names` are the names of the columns in `table`, for error messages."""
    cells, end = table.columns, 1 + len(columns.values)
    has_ids = named and bool(columns.ids)
    ids = numbered(cells[end] if has_ids else [""] * len(cells[0]), done)
    records = Records(ids, Ragged.from_strings(cells[0]), table.lines, table.source, unit=table.unit)
    values = np.stack([read_numbers(cells[place], records, names[place]) for place in range(1, end)], axis=1)
    has_folds = len(cells) > end + has_ids
    return Measurements(records, values, read_whole_numbers(cells[-1], records, names[-1]) if has_folds else None)


def read_numbers(cells: list[str], records: Records, column: Column, wanted: str = "a number", missing: bool = False) -> np.ndarray:
    """Returns the numbers in a column.

    Args:
        cells: Contents of the n cells of the column.
        records: The n records that the cells belong to, for error messages.
        column: Name or position of the column, for error messages.
        wanted: Description of a valid cell, for error messages.
        missing: Whether missing values are allowed.

    Returns:
        Numbers, float64 (n,), with NaN for missing values.

    Raises:
        InputError: A cell is not a finite number, or the absolute value of its number is above `LARGEST`. The message names the column and
            the record.
    """

    def refuse(row: int, wanted: str, advice: str = "") -> NoReturn:
        required = " Each row requires a value in this column." if cells[row].lower() in MISSING else advice
        raise InputError(f"Expected {wanted}, got {cells[row]!r} in column {column!r} of {records.origin(row)}.{required}")

    numbers = None
    if not "".join(cells).encode().translate(None, PLAIN):  # text of only these characters needs no check before NumPy parses it
        with suppress(ValueError):
            numbers = np.array(cells, np.float64)
    if numbers is None:
        texts = ["nan" if missing and cell.lower() in MISSING else cell for cell in cells]
        for row, text in enumerate(texts):
            if not (is_number(text) or text.lower() in NOT_FINITE):
                refuse(row, wanted, " Write a decimal point instead of the comma." if _DECIMAL_COMMA.fullmatch(text) else "")
        numbers = np.array(texts, np.float64)
    is_legal = (np.abs(numbers) <= LARGEST) | (np.isnan(numbers) if missing else False)
    for row in np.flatnonzero(~is_legal)[:1].tolist():
        refuse(row, wanted if np.isnan(numbers[row]) else f"a number between -{LARGEST:g} and {LARGEST:g}")
    return numbers


def read_folds(cells: list[str], records: Records, column: Column) -> np.ndarray:
    """Returns the folds in a column as text, str (n,). See `read_numbers` for the arguments.

    Raises:
        InputError: A cell is empty or a missing value. The message names the column and the record.
    """
    folds = [cell.strip() for cell in cells]
    for row, fold in enumerate(folds):
        if fold.lower() in MISSING:
            wanted = "Each row requires a value in this column."
            raise InputError(f"Expected a fold, got {cells[row]!r} in column {column!r} of {records.origin(row)}. {wanted}")
    return np.array(folds, str)


def read_whole_numbers(cells: list[str], records: Records, column: Column = FOLD, wanted: str = "a fold (a whole number)") -> np.ndarray:
    """Returns the whole numbers in a column, int32 (n,). See `read_numbers` for the arguments and errors."""
    numbers = read_numbers(cells, records, column, wanted)
    for row in np.flatnonzero(~((numbers == np.rint(numbers)) & (np.abs(numbers) < 2**31)))[:1].tolist():
        raise InputError(f"Expected {wanted}, got {cells[row]!r} in column {column!r} of {records.origin(row)}.")
    return numbers.astype(np.int32)
