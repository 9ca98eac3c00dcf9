"""Reads predictions that another program or an earlier run wrote to a table, with one column per task and one row per sequence."""

import numpy as np

from dreamkeras.data.assays.measurements import read_numbers
from dreamkeras.errors import InputError, counted
from dreamkeras.formats.reading import id_position, open_table
from dreamkeras.formats.tables import find_column
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records, numbered

__all__ = ["read_predictions"]


def read_predictions(
    path: str, tasks: tuple[str, ...], ids: list[str], left_out: int = 0, measured: np.ndarray | None = None
) -> np.ndarray:
    """Reads predictions from a table, in the order of the sequences with measurements.

    Cells for which there is no measurement may be empty or contain a word for a missing value, such as NA.

    Args:
        path: TSV, CSV or Parquet file with one column per task, which has the name of the task. If the table has an id column, rows are
            matched to `ids`. If the table has no id column, rows must be in the order of `ids`.
        tasks: Names of the columns.
        ids: Names of the n sequences with measurements.
        left_out: Number of rows of the measurement file that are missing in `ids`, for example because they have no value. A table with an
            id column may also contain predictions for the missing rows.
        measured: Whether each sequence has a measured value of each task, bool (n, tasks). If None, all values are measured.

    Returns:
        Predictions, float64 (n, tasks). Missing predictions are NaN.

    Raises:
        InputError: A column is missing, a cell is not a finite number, a prediction of a measured value is missing, or the rows do not
            match `ids`.
    """
    with open_table(path, header=True) as table:
        named = id_position(table.layout, None, path)
        positions = [find_column(table.layout, task, path) for task in tasks] + ([] if named is None else [named])
        batches = list(table.rows(positions))
    columns = [[cell for cells in parts for cell in cells] for parts in zip(*(batch.columns for batch in batches), strict=True)]
    names = numbered([""] * len(columns[0]) if named is None else columns[-1])
    lines = np.concatenate([batch.lines for batch in batches])
    records = Records(names, Ragged.from_strings([""] * len(names)), lines, path, unit=batches[0].unit)  # for error messages
    values = np.stack([read_numbers(cells, records, task, missing=True) for cells, task in zip(columns, tasks, strict=False)], 1)
    found = None if named is None else names
    has_others = found is not None and len(ids) < len(values) <= len(ids) + left_out
    if len(values) != len(ids) and not has_others:
        but = f" (skipped rows: {left_out:,}; a table with an id column may include the skipped rows)" if left_out and found is None else ""
        raise InputError(
            f"Expected {counted(len(ids), 'prediction')}, one for each measured sequence{but}, got {len(values):,} in '{path}'."
        )
    order = np.arange(len(ids)) if found is None or found == ids else _order(found, ids, path)
    values = values[order]
    for row, task in np.argwhere(np.isnan(values) & (True if measured is None else measured))[:1]:
        origin = f"{path}, {batches[0].unit} {lines[order[row]]}"
        raise InputError(f"There is no prediction of {tasks[task]!r} for the measured value of {ids[row]!r} ({origin}).")
    return values


def _order(found: list[str], ids: list[str], path: str) -> np.ndarray:
    places = {name: row for row, name in enumerate(found)}
    missing = next((name for name in ids if name not in places), None)
    if missing is not None or len(places) < len(found):
        problem = f"there is no prediction for {missing!r}" if missing is not None else "an id occurs twice"
        raise InputError(f"Predictions in {path} do not match the ids of the measured sequences: {problem}.")
    return np.array([places[name] for name in ids])
