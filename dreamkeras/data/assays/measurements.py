"""Tables of measured sequences: ids, sequences, values and folds, batch by batch; other columns are ignored.

Knows nothing about what was measured; each assay has a module of its own.
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
"""Texts, in lower case, of cells without a number."""


LARGEST = float(np.finfo(np.float32).max)
"""The largest value that examples hold."""

PLAIN = b"0123456789+-.eE"
"""The characters of numbers: text of these that NumPy reads is a number by the rule of `decimals`, too."""


class Columns(NamedTuple):
    """The names of an assay's columns in a header, in lower case; of several, the first that it has counts.

    Args:
        values: Names for each of the measured values.
        ids: Names for the sequences' own; none, and rows are numbered from 1.
        needs_header: Whether a table without a header, or without ids, is refused; else its columns are sequence, values and perhaps a
            fold.
    """

    values: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...] = ()
    needs_header: bool = True


class Measurements(NamedTuple):
    """A batch of rows as numbers.

    Args:
        records: n sequences.
        values: float64 (n, values).
        folds: int32 (n,); None where the table has no such column.
    """

    records: Records
    values: np.ndarray
    folds: np.ndarray | None


def read_measurements(path: str, columns: Columns, to_examples: Callable[[Measurements], Examples]) -> Examples:
    """The examples of a table, TSV or CSV, plain or gzip, or Parquet; `to_examples` makes them of each batch.

    Raises:
        InputError: The file cannot be read, a column is missing, or a value or fold is no number; names record, file and line.
    """
    parts, done = [], 0
    with open_table(path) as table:
        layout = table.layout
        if not columns.needs_header and not {name.lower() for name in layout.names or ()} & {*columns.ids}:
            columns = columns._replace(ids=())
        named = columns.needs_header or layout.names is not None
        for rows in table.rows((_named_columns if named else _ordered_columns)(layout, columns, path)):
            # Cut at once: windows take a fifth of the memory of Python's strings.
            parts.append(to_examples(_parsed(rows, columns, named, done)))
            done += len(rows.lines)
    return Examples.joined(parts)


def oriented_examples(batch: Measurements, construct: Construct, reverse_mark: str) -> Examples:
    """Examples of an assay that measured sequences in both orientations, each as in the table.

    Args:
        batch: n rows.
        construct: With the one flag `is_reverse`.
        reverse_mark: A part of the ids of sequences measured in reverse.

    Raises:
        InputError: A sequence does not fit the construct, or a value is not finite; names the record.
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
    """Positions of the sequence, the values, the ids if there are to be any, and the fold if there is one."""
    names = [name.lower() for name in layout.names or ()]
    wanted = [SEQUENCE_NAMES, *columns.values, *([columns.ids] if columns.ids else []), *([(FOLD,)] if FOLD in names else [])]
    return [find_column(layout, next((name for name in choices if name in names), choices[0]), path) for choices in wanted]


def _ordered_columns(layout: Layout, columns: Columns, path: str) -> list[int]:
    """Positions of the sequence, the values and, if there is one more column, the fold."""
    needed, came = 1 + len(columns.values), len(layout.first)
    if came < needed:
        wanted = "two columns, sequence and value" if needed == 2 else f"{needed} columns, sequence and values"
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
    """The numbers in a column.

    Args:
        cells: n texts.
        records: Whose they are, for messages.
        wanted: A description of a legal cell, for messages.
        missing: Whether a cell may say that there is none.

    Returns:
        float64 (n,); NaN where there is none.

    Raises:
        InputError: A cell holds something else, or a number beyond `LARGEST`; the message names its record.
    """
    numbers = None
    if not "".join(cells).encode().translate(None, PLAIN):  # the fast way first, and cell by cell only for others
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
    """The whole numbers in a column, int32 (n,); arguments and errors are those of `read_numbers`."""
    numbers = read_numbers(cells, records, wanted)
    wrong = np.flatnonzero(~((numbers == np.rint(numbers)) & (np.abs(numbers) < 2**31)))
    if len(wrong):
        raise InputError(f"Expected {wanted}, got {cells[wrong[0]]!r} in {records.origin(int(wrong[0]))}.")
    return numbers.astype(np.int32)
