"""Predictions that another program or an earlier run wrote: a table with a column a task, a row a sequence."""

import numpy as np

from dreamkeras.data.assays.measurements import read_numbers
from dreamkeras.errors import InputError
from dreamkeras.formats.reading import id_position, open_table
from dreamkeras.formats.tables import Table, find_column
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["read_predictions"]


def read_predictions(path: str, tasks: tuple[str, ...], ids: list[str], left_out: int = 0) -> np.ndarray:
    """Predictions in the order of the sequences they are of.

    Args:
        path: TSV, CSV or Parquet with a column named after each task. With a column of ids, rows may be in another order than
            `ids`; without one, order counts.
        tasks: Names of the columns.
        ids: n names of the sequences.
        left_out: How many rows of the sequences' file are not among them, such as those without a value: a table with ids may hold
            predictions of these, too.

    Returns:
        float64 (n, tasks).

    Raises:
        InputError: A column is missing, a cell is no number, or the rows are not those of `ids`.
    """
    with open_table(path, header=True) as table:
        named = id_position(table.layout, None, path)
        positions = [find_column(table.layout, task, path) for task in tasks] + ([] if named is None else [named])
        batches = list(table.rows(positions))
    found = [name for batch in batches for name in batch.columns[-1]] if named is not None else None
    values = np.concatenate(
        [np.stack([read_numbers(cells, _records(batch)) for cells in batch.columns[: len(tasks)]], 1) for batch in batches]
    )
    has_all = found is not None and left_out and len(values) == len(ids) + left_out
    if len(values) != len(ids) and not has_all:
        but = f" ({left_out:,} rows are left out; all may be given with an id column)" if left_out and found is None else ""
        raise InputError(f"Expected {len(ids):,} predictions, one for each measured sequence{but}, got {len(values):,} in {path}.")
    return values if found is None or found == ids else values[_order(found, ids, path)]


def _records(batch: Table) -> Records:
    """Records with the line numbers of rows, for messages."""
    names = [str(line) for line in batch.lines]
    return Records(names, Ragged.from_strings([""] * len(names)), batch.lines, batch.source)


def _order(found: list[str], ids: list[str], path: str) -> np.ndarray:
    places = {name: row for row, name in enumerate(found)}
    missing = next((name for name in ids if name not in places), None)
    if missing is not None or len(places) < len(found):
        came = f"none of {missing!r}" if missing is not None else "an id twice"
        raise InputError(f"Expected a prediction for each measured sequence, by its id, got {came} in {path}.")
    return np.array([places[name] for name in ids])
