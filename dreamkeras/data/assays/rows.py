"""Converts the rows of a table to examples, in batches. Invalid rows raise an error or are skipped."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, OnError, check_on_error, none_of
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.reading import OpenTable
from dreamkeras.formats.tables import Table

__all__ = ["INVALID", "read_rows"]

INVALID = "with an error"
"""Reason of skipped rows in `Examples.left_out`."""

REASONS = 5
"""Maximum number of skipped rows whose reasons are kept."""


def read_rows(opened: OpenTable, positions: Sequence[int], convert: Callable[[Table, int], Examples], on_error: OnError) -> Examples:
    """Reads the rows of a table as examples.

    Args:
        opened: The table.
        positions: Positions of the columns to read, counted from 0.
        convert: Function that converts a batch of rows to examples. The second argument is the number of earlier rows.
        on_error: Action for rows that cannot be converted, and for rows with too few or too many cells. If `"skip"`, the field `left_out`
            of the examples counts these rows, and `remarks` contains the first errors.

    Raises:
        InputError: A row is invalid and `on_error` is `"fail"`, or all rows are invalid.
    """
    check_on_error(on_error)
    skips, valid = on_error == "skip", _ValidRows(convert)
    parts, done = [], 0
    for table in opened.rows(positions, valid.uneven if skips else None):
        # Each batch is converted immediately, because windows need only a fifth of the memory that Python strings need.
        parts += valid.converted(table, done) if skips else [convert(table, done)]
        done += len(table.lines)
    if not parts:
        raise InputError(f"{none_of(done, 'row')} of {source_name(opened.source.path)} is valid. The first one: {valid.reasons[0]}")
    examples = Examples.joined(parts)
    if not valid.skipped:
        return examples
    remarks = (*examples.remarks, *(f"Skipped: {reason}" for reason in valid.reasons))
    return dataclasses.replace(examples, left_out={**examples.left_out, INVALID: valid.skipped}, remarks=remarks)


class _ValidRows:
    """Converts the valid rows of batches, counts the invalid rows, and keeps the reasons of the first ones."""

    def __init__(self, convert: Callable[[Table, int], Examples]) -> None:
        self._convert = convert
        self.uneven: set[int] = set()
        self.skipped = 0
        self.reasons: list[str] = []

    def converted(self, table: Table, done: int) -> list[Examples]:
        """Returns the examples of the valid rows. A batch with an invalid row is halved until the row is found."""
        try:
            self._check_cells(table)
            return [self._convert(table, done)]
        except InputError as error:
            if len(table.lines) == 1:
                self.skipped += 1
                self.reasons = [*self.reasons, str(error)][:REASONS]
                return []
        middle = len(table.lines) // 2
        return self.converted(_part(table, 0, middle), done) + self.converted(_part(table, middle, None), done + middle)

    def _check_cells(self, table: Table) -> None:
        if lines := self.uneven.intersection(table.lines.tolist()):
            raise InputError(f"The row has too few or too many cells ({source_name(table.source)}, {table.unit} {min(lines)}).")


def _part(table: Table, first: int, last: int | None) -> Table:
    """Returns the rows from `first` to `last`, which is excluded."""
    return Table([column[first:last] for column in table.columns], np.array(table.lines[first:last]), table.source, table.unit)
