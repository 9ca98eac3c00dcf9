"""The assay for a user's own table of sequences with measured values.

The user specifies the columns of the table, the flanks and the window length. A table is Parquet, or TSV or CSV that may be compressed
with gzip. A row may have several measured values, some of which may be missing.
"""

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import FOLD, read_folds, read_numbers
from dreamkeras.data.assays.rows import read_rows
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import Examples
from dreamkeras.data.folds import numbered_folds
from dreamkeras.data.weights import default_half, saturated
from dreamkeras.errors import InputError, OnError
from dreamkeras.files.inputs import source_name
from dreamkeras.files.kinds import MEASUREMENTS
from dreamkeras.formats.decimals import LARGEST
from dreamkeras.formats.headers import Column, Layout
from dreamkeras.formats.reading import id_position, open_table, sequence_position
from dreamkeras.formats.tables import Table, find_column, has_column, named_or_placed
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.matching import illegal_letters
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records, numbered
from dreamkeras.sequence.task_scale import TaskScale

__all__ = ["OPTIONAL", "TableColumns", "find_columns", "fitted_layout", "read", "settled_layout", "table_assay"]

OPTIONAL = ("weight_column", "variance_column", "replicate_columns", "fold_column")
"""Fields of `TableLayout` whose columns are not needed to test a model."""

Cells = dict[int, list[str]]
"""The cells of a batch of rows in each column. The keys are the positions of the columns."""


def table_assay(layout: TableLayout, construct: Construct | None = None, optional: Collection[str] = ()) -> Assay:
    """Returns the assay for a user's own table. The layout must have a window length, see `fitted_layout`.

    Args:
        layout: Columns of the table, and the adapters, flanks and window length of its sequences.
        construct: Construct of a model or of an existing run. If None, the layout defines the construct.
        optional: Fields of the layout whose columns the table may lack; see `OPTIONAL`.

    Raises:
        InputError: The layout does not define a valid construct.

    Example:
        >>> table_assay(TableLayout(("activity",), length=200)).tasks
        ('activity',)
    """
    construct = construct or layout.construct()
    means = [f"mean of the table's columns {' and '.join(map(str, columns))}" for columns in layout.replicate_columns]
    units = tuple(f"as in the table's column {column}" for column in layout.target_column) or tuple(means)
    return Assay("table", construct, layout.tasks, units, partial(read, layout, construct, optional=optional), scales=layout.scales)


def settled_layout(layout: TableLayout, path: str) -> TableLayout:
    """For each column that is given as digits, decides whether the digits are a name or a position.

    Digits are treated as the name of a column if the header of the file contains this name, and as a position otherwise.

    Raises:
        InputError: The file cannot be read.
    """
    if not any(isinstance(column, str) and column.isdecimal() for column in layout.columns):
        return layout  # The file is not opened, because it may be a pipe, which can be read only once.
    with open_table(path, layout.columns, expected=MEASUREMENTS) as opened:
        return layout.settled(lambda column: named_or_placed(opened.layout, column))


def fitted_layout(layout: TableLayout, paths: Iterable[str], on_error: OnError = "fail") -> TableLayout:
    """Returns the layout with a window length and with resolved columns.

    The columns are resolved by `settled_layout` with the header of the first file. If the layout has no window length, the length is chosen
    to fit the longest sequence in the files. If `on_error` is `"skip"`, rows with an invalid sequence are ignored.

    Raises:
        InputError: A file cannot be read.
    """
    paths = list(paths)
    layout = settled_layout(layout, paths[0])
    if layout.length:
        return layout
    construct, longest = layout.with_length(1).construct(), 1
    for path in paths:
        uneven: set[int] | None = set() if on_error == "skip" else None
        with open_table(path, layout.columns, expected=MEASUREMENTS) as opened:
            for table in opened.rows([sequence_position(opened.layout, layout.sequence_column, path)], uneven):
                sequences = Ragged.from_strings(table.columns[0])
                lengths = construct.find_inserts(sequences).lengths
                if uneven is not None:
                    lengths = np.where(np.isin(table.lines, list(uneven)), 0, lengths)
                    lengths[list(illegal_letters(sequences))] = 0
                longest = max(longest, int(lengths.max()))
    return layout.with_length(longest)


def read(layout: TableLayout, construct: Construct, path: str, on_error: OnError = "fail", optional: Collection[str] = ()) -> Examples:
    """Reads the measured sequences of a file. Rows without a measured value or with weight 0 are skipped.

    Saturating weights without `layout.weight_half` are computed with the median of the weights in this file.

    See `rows.read_rows` for `on_error`, and `table_assay` for `optional`.

    Raises:
        InputError: The file cannot be read, a column is missing, a sequence does not fit the construct, or a cell is invalid. The
            message names record and line.
    """
    with open_table(path, layout.columns, expected=MEASUREMENTS) as opened:
        layout, lacking = _without_lacking(layout, opened.layout, optional)
        columns = find_columns(layout, opened.layout, path)
        positions = columns.positions

        def convert(table: Table, done: int) -> Examples:
            return _examples(layout, construct, columns, table, dict(zip(positions, table.columns, strict=True)), done)

        examples = read_rows(opened, positions, convert, on_error)
    if not len(examples):
        raise InputError(f"{source_name(path)} has no row with a weight above 0 and a value in column {' or '.join(layout.tasks)}.")
    means = [place for place, position in enumerate(columns.targets) if position is None]
    notes = [f"The values of {layout.tasks[task]} are the means of {_listed(layout.replicate_columns[task])}." for task in means]
    examples = dataclasses.replace(examples, remarks=(*examples.remarks, *notes))
    if examples.folds is not None:
        examples = dataclasses.replace(examples, folds=numbered_folds(examples.folds))
    if layout.saturates and examples.weights is not None:
        half = default_half(examples.weights) if layout.weight_half is None else layout.weight_half
        examples = dataclasses.replace(examples, weights=saturated(examples.weights, half))
    if not lacking:
        return examples
    about = f"{source_name(path)} lacks columns of the training data that are not required here: {', '.join(map(repr, lacking))}."
    return dataclasses.replace(examples, remarks=(*examples.remarks, about))


class TableColumns(NamedTuple):
    """Positions of the columns of a table. The position of a missing column is None or an empty list.

    The position of a target is None if its values are the means of its replicates.
    """

    sequence: int
    ids: int | None
    targets: list[int | None]
    weight: int | None
    fold: int | None
    replicates: list[list[int]]

    @property
    def positions(self) -> list[int]:
        """Positions of all columns to read, sorted and without duplicates."""
        single = (self.sequence, self.ids, self.weight, self.fold, *self.targets)
        present = (position for position in single if position is not None)
        return sorted({*present, *(position for columns in self.replicates for position in columns)})


def find_columns(layout: TableLayout, header: Layout, path: str) -> TableColumns:
    """Finds the columns of a table that a layout names.

    Raises:
        InputError: A column is missing.
    """
    weight = layout.variance_column if layout.weight_column is None else layout.weight_column
    return TableColumns(
        sequence=sequence_position(header, layout.sequence_column, path),
        ids=id_position(header, layout.id_column, path),
        targets=[_target(layout, header, task, path) for task in range(len(layout.tasks))],
        weight=None if weight is None else find_column(header, weight, path),
        fold=None if layout.fold_column is None else find_column(header, layout.fold_column, path),
        replicates=[[find_column(header, column, path) for column in columns] for columns in layout.replicate_columns],
    )


def _target(layout: TableLayout, header: Layout, task: int, path: str) -> int | None:
    """Returns the position of the column with the values of a task, or None if the values are the means of replicates."""
    return find_column(header, layout.target_column[task], path) if layout.has_target(task, partial(has_column, header)) else None


def _without_lacking(layout: TableLayout, header: Layout, optional: Collection[str]) -> tuple[TableLayout, list[Column]]:
    """Returns the layout without optional folds and without the optional fields whose columns are missing, and the missing columns."""
    lacking: list[Column] = []
    for name in optional:
        columns = itertools.chain(*layout.replicate_columns) if name == "replicate_columns" else [getattr(layout, name)]
        missing = [column for column in columns if column is not None and not has_column(header, column)]
        if missing or name == "fold_column":
            without: dict[str, Any] = {name: () if name == "replicate_columns" else None}
            if name == "replicate_columns":  # a table without replicates requires the means in columns named after the tasks
                without["target_column"] = layout.target_column or layout.tasks
            layout = dataclasses.replace(layout, **without)
        lacking += missing
    return layout, lacking


def _examples(layout: TableLayout, construct: Construct, columns: TableColumns, table: Table, cells: Cells, done: int) -> Examples:
    """Returns the examples of the rows that have a measured value and a weight above 0."""
    ids = numbered([""] * len(table.lines) if columns.ids is None else cells[columns.ids], done)
    records = Records(ids, Ragged.from_strings(cells[columns.sequence]), table.lines, table.source, unit=table.unit)
    targets = np.stack([_targets(layout, columns, cells, records, task) for task in range(len(layout.tasks))], axis=1)
    measured = ~np.isnan(targets).all(axis=1)
    weights = _weights(layout, columns, cells, records, measured)
    left_out = {"without a value": int((~measured).sum()), "with weight 0": int((measured & (weights == 0)).sum())}
    kept = np.flatnonzero(weights)
    if len(kept) < len(weights):
        records = records.select(kept)
        cells = {position: [column[row] for row in kept] for position, column in cells.items()}
    return Examples(
        ids=records.ids,
        letters=construct.cut(records),
        targets=targets[kept].astype(np.float32),
        flags=_flags(layout, construct, records.ids),
        lengths=records.sequences.lengths.astype(np.int32),
        folds=None if columns.fold is None else read_folds(cells[columns.fold], records, layout.fold_column or FOLD),
        construct=construct,
        weights=None if columns.weight is None else weights[kept],
        replicates=_replicates(layout, columns.replicates, cells, records) if columns.replicates else None,
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _targets(layout: TableLayout, columns: TableColumns, cells: Cells, records: Records, task: int) -> np.ndarray:
    """Returns the measured values of a task, float64 (n,). Missing values are NaN.

    Raises:
        InputError: A value cannot be transformed, or does not fit the kind of the task. The message names the record.
    """
    position, scale = columns.targets[task], layout.scales[task] if layout.scales else TaskScale()
    if position is not None:
        column = str(layout.target_column[task])
        values = _values(cells[position], records, layout.target_column[task], scale)
    else:
        column = f"mean of {_listed(layout.replicate_columns[task])}"
        pairs = zip(layout.replicate_columns[task], columns.replicates[task], strict=True)
        replicates = np.stack([_values(cells[place], records, name, scale) for name, place in pairs], axis=1)
        present = ~np.isnan(replicates)
        with np.errstate(invalid="ignore"):  # rows without replicates have no mean
            values = np.where(present, replicates, 0).sum(axis=1) / present.sum(axis=1)
    for row in np.flatnonzero(~scale.can_transform(values))[:1].tolist():
        raise InputError(_untransformable(scale, float(values[row]), f"in {column!r} of {records.origin(row)}", layout.offset))
    return values


def _untransformable(scale: TaskScale, value: float, place: str, offset: float) -> str:
    if scale.transform == "log1p":
        return f"log1p requires values above -1, got {value:g} {place}. Use --transform asinh."
    added = f" with --offset {offset:g}" if offset else ""
    return f"log2 is undefined for {value:g}{added} {place}. Choose --offset X so that all values plus X are above 0."


def _values(cells: list[str], records: Records, column: Column, scale: TaskScale) -> np.ndarray:
    """Returns measured values of a task, float64 (n,). Missing values are NaN."""
    values = read_numbers(cells, records, column, "a number or an empty cell", missing=True)
    wanted, is_legal = _KINDS[scale.kind]
    for row in np.flatnonzero(~(is_legal(values) | np.isnan(values)))[:1].tolist():
        raise InputError(f"--task-kind {scale.kind} requires {wanted}, got {cells[row]!r} in column {column!r} of {records.origin(row)}.")
    return values


_KINDS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "value": ("numbers", lambda values: np.ones(len(values), bool)),
    "binary": ("numbers from 0 to 1", lambda values: (values >= 0) & (values <= 1)),
    "counts": ("whole numbers of 0 or more", lambda values: (values >= 0) & (values == np.rint(values))),
}
"""Description and test of the values of each kind of task."""


def _listed(columns: tuple[Column, ...]) -> str:
    return f"the columns {' and '.join(map(str, columns))}"


def _weights(layout: TableLayout, columns: TableColumns, cells: Cells, records: Records, measured: np.ndarray) -> np.ndarray:
    """Returns the weight of each row, float32 (n,).

    Without a weight column, rows with a value have weight 1, and rows without a value have weight 0.
    """
    if columns.weight is None:
        return measured.astype(np.float32)
    given = cells[columns.weight]
    by_variance = layout.weight_column is None
    column = next(name for name in (layout.weight_column, layout.variance_column) if name is not None)
    numbers = read_numbers(given, records, column, missing=True)
    wanted = f"a variance above {1 / LARGEST:g}" if by_variance else "a weight of 0 or more"
    right = (numbers > 1 / LARGEST) if by_variance else (numbers >= 0)  # false for NaN
    for row in np.flatnonzero(measured & ~right)[:1]:
        raise InputError(f"Expected {wanted}, got {given[row]!r} in column {column!r} of {records.origin(int(row))}.")
    numbers = np.where(measured, numbers, 1)
    return np.where(measured, 1 / numbers if by_variance else numbers, 0).astype(np.float32)


def _flags(layout: TableLayout, construct: Construct, ids: list[str]) -> np.ndarray:
    """Returns the flags of n sequences, float32 (n, flags). `is_reverse` is 1 if the id contains the reverse mark. Other flags are 0."""
    mark = layout.reverse_mark
    is_reverse = np.array([mark in name for name in ids] if mark else [False] * len(ids), bool)
    told = np.array([flag == "is_reverse" for flag in construct.flags], bool)
    return (is_reverse[:, None] & told).astype(np.float32)


def _replicates(layout: TableLayout, columns: list[list[int]], cells: Cells, records: Records) -> np.ndarray:
    """Returns the replicates, float32 (n, tasks, k). Values are NaN if they are missing or if their task has fewer than k replicates."""
    replicates = np.full((len(records.ids), len(columns), max(map(len, columns))), np.nan, np.float32)
    for task, positions in enumerate(columns):
        for place, position in enumerate(positions):
            scale = layout.scales[task] if layout.scales else TaskScale()
            replicates[:, task, place] = _values(cells[position], records, layout.replicate_columns[task][place], scale)
    return replicates
