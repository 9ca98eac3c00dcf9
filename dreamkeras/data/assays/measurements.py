"""Reads ids, sequences, measured values and folds from tables, in batches of rows. Other columns are ignored.

The functions in this module are shared by the assays, each of which has a separate module.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.decimals import NOT_FINITE, is_number
from dreamkeras.formats.reading import open_table
from dreamkeras.formats.tables import SEQUENCE_NAMES, Layout, Table, find_column
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records, numbered

__all__ = ["LARGEST", "Columns", "Measurements", "oriented_examples", "read_measurements", "read_numbers", "read_whole_numbers"]

FOLD = "fold"

MISSING = {"", "na", "n/a", "nan", "none", "null"}
"""Cell contents, in lower case, that mark a missing value."""


LARGEST = float(np.finfo(np.float32).max)
"""The largest value that can be stored in examples: the float32 maximum."""

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
        values: Measured values, float64 (n, values).
        folds: Folds, int32 (n,). None if the table has no fold column.
    """

    records: Records
    values: np.ndarray
    folds: np.ndarray | None


def read_measurements(path: str, columns: Columns, to_examples: Callable[[Measurements], Examples]) -> Examples:
    """Reads a table and returns its examples. The table is Parquet, or TSV or CSV that may be compressed with gzip.

    The function `to_examples` converts each batch of rows to examples.

    Raises:
        InputError: The file cannot be read, a column is missing, or a value or fold is not a number. The message names record, file
            and line.
    """
    parts, done = [], 0
    with open_table(path) as table:
        layout = table.layout
        if not columns.needs_header and not {name.lower() for name in layout.names or ()} & {*columns.ids}:
            columns = columns._replace(ids=())
        named = columns.needs_header or layout.names is not None
        for rows in table.rows((_named_columns if named else _ordered_columns)(layout, columns, path)):
            # Each batch is converted immediately, because windows need only a fifth of the memory that Python strings need.
            parts.append(to_examples(_parsed(rows, columns, named, done)))
            done += len(rows.lines)
    return Examples.joined(parts)


def oriented_examples(batch: Measurements, construct: Construct, reverse_mark: str) -> Examples:
    """Returns the examples of an assay that measures sequences in both orientations. The sequences are not reverse-complemented.

    Args:
        batch: Batch of n rows.
        construct: Construct whose only flag is `is_reverse`.
        reverse_mark: Text in the ids of sequences that were measured in reverse orientation.

    Raises:
        InputError: A sequence does not fit the construct, or a value is not finite. The message names the record.
    """
    records, values, folds = batch
    for row, column in np.argwhere(~np.isfinite(values))[:1]:
        raise InputError(f"Expected a finite value, got {values[row, column]} in {records.origin(int(row))}.")
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
        raise InputError(f"Expected {wanted}, got {came} ({source_name(path)}, line {layout.line}).")
    return list(range(min(came, needed + 1)))


def _parsed(table: Table, columns: Columns, named: bool, done: int) -> Measurements:
    sequences, rest = table.columns[0], table.columns[1:]
    values, rest = rest[: len(columns.values)], rest[len(columns.values) :]
    names, rest = (rest[0], rest[1:]) if named and columns.ids else ([""] * len(sequences), rest)
    records = Records(numbered(names, done), Ragged.from_strings(sequences), table.lines, table.source)
    numbers = np.stack([read_numbers(cells, records) for cells in values], axis=1)
    return Measurements(records, numbers, read_whole_numbers(rest[0], records) if rest else None)


def read_numbers(cells: list[str], records: Records, wanted: str = "a number", missing: bool = False) -> np.ndarray:
    """Returns the numbers in a column.

    Args:
        cells: Contents of the n cells of the column.
        records: The n records that the cells belong to, for error messages.
        wanted: Description of a valid cell, for error messages.
        missing: Whether missing values are allowed.

    Returns:
        Numbers, float64 (n,), with NaN for missing values.

    Raises:
        InputError: A cell is not a number, or the absolute value of its number is above `LARGEST`. The message names the record.
    """
    numbers = None
    if not "".join(cells).encode().translate(None, PLAIN):  # text of only these characters needs no check before NumPy parses it
        with suppress(ValueError):
            numbers = np.array(cells, np.float64)
    if numbers is None:
        texts = ["nan" if missing and cell.lower() in MISSING else cell for cell in cells]
        for index, text in enumerate(texts):
            if not (is_number(text) or text.lower() in NOT_FINITE):
                raise InputError(f"Expected {wanted}, got {cells[index]!r} in {records.origin(index)}.")
        numbers = np.array(texts, np.float64)
    for row in np.flatnonzero(np.isfinite(numbers) & (np.abs(numbers) > LARGEST))[:1]:
        raise InputError(f"Expected a number between -{LARGEST:.3g} and {LARGEST:.3g}, got {cells[row]!r} in {records.origin(int(row))}.")
    return numbers


def read_whole_numbers(cells: list[str], records: Records, wanted: str = "a fold (a whole number)") -> np.ndarray:
    """Returns the whole numbers in a column, int32 (n,). See `read_numbers` for the arguments and errors."""
    numbers = read_numbers(cells, records, wanted)
    wrong = np.flatnonzero(~((numbers == np.rint(numbers)) & (np.abs(numbers) < 2**31)))
    if len(wrong):
        raise InputError(f"Expected {wanted}, got {cells[wrong[0]]!r} in {records.origin(int(wrong[0]))}.")
    return numbers.astype(np.int32)
