"""The yeast assay of the Random Promoter DREAM Challenge: promoters sorted into 18 bins by the expression they drive.

A file holds a sequence, its value, and perhaps a fold, in this order, with or without a header; TSV or CSV, plain or gzip.
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.assay import Assay
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.sources import open_source, source_name
from dreamkeras.sequence.tables import SEQUENCE_NAMES, Layout, Table, find_column, is_number, rows_of, sniff_layout

__all__ = ["BINS", "HIGHEST", "LOWEST", "VALUE_NAMES", "YEAST_ASSAY", "read", "to_examples"]

BINS = 18
"""Sorting bins."""

LOWEST, HIGHEST = 0, BINS - 1
"""The numbers of the first and the last sorting bin."""

VALUE_NAMES = ("value", "expression", "mean_value", "mean_expression", "measured_expression")
"""What a header may call the measured value; the first that it holds counts."""

FOLD = "fold"


class _Batch(NamedTuple):
    """A batch of rows as numbers."""

    records: Records
    values: np.ndarray
    folds: np.ndarray | None


def read(path: str) -> Examples:
    """The measured promoters of a file.

    Args:
        path: Columns: sequence (with both adapters or the bare insert), value (0 to 17) and, optionally, fold (a whole
            number), in this order; or anywhere under a header that calls them sequence or seq, one of `VALUE_NAMES`, and fold.

    Returns:
        Examples whose ids are row numbers from 1.

    Raises:
        InputError: The file cannot be read, a sequence does not fit, or a value or fold is not what it has to be; the
            message names the record, the file and the line.
    """
    with open_source(path) as source:
        layout = sniff_layout(source)
        if len(layout.first) < 2:
            name = source_name(path)
            raise InputError(f"Expected two columns, sequence and value, got {len(layout.first)} ({name}, line {layout.line}).")
        parts, done = [], 0
        for table in rows_of(source, layout, _columns(layout, source.path)):
            batch = _parse(table, done)
            # Cut at once: windows take a fifth of the memory of Python's strings.
            parts.append(to_examples(*batch))
            done += len(batch.values)
    return _joined(parts)


def to_examples(records: Records, values: np.ndarray, folds: np.ndarray | None = None) -> Examples:
    """Examples from promoters and their values.

    A promoter whose value is an integer was read once (nearly always), which the flag `is_singleton` tells the model.

    Args:
        records: n promoters, with both adapters or bare.
        values: float64 (n,), mean bin, 0 to 17.
        folds: int (n,), or None.

    Raises:
        InputError: A sequence does not fit the construct or a value is out of range; names the record.
    """
    wrong = np.flatnonzero(~((values >= LOWEST) & (values <= HIGHEST)))  # NaN is wrong too
    if len(wrong):
        raise InputError(f"Expected a value from {LOWEST} to {HIGHEST}, got {values[wrong[0]]:g} in {records.place(int(wrong[0]))}.")
    flags = {"is_reverse": np.zeros(len(values)), "is_singleton": values == np.rint(values)}
    return Examples(
        ids=records.ids,
        letters=YEAST.cut(records),
        targets=values.astype(np.float32)[:, None],
        flags=np.stack([flags[name] for name in YEAST.flags], 1).astype(np.float32),
        lengths=records.sequences.lengths.astype(np.int32),
        folds=None if folds is None else folds.astype(np.int32),
        construct=YEAST,
    )


def _columns(layout: Layout, path: str) -> list[int]:
    """Positions of the sequence, the value and, if there is one, the fold."""
    if layout.names is None:
        return list(range(min(len(layout.first), 3)))
    names = [name.lower() for name in layout.names]
    wanted = [next((name for name in choices if name in names), choices[0]) for choices in (SEQUENCE_NAMES, VALUE_NAMES)]
    return [find_column(layout, name, path) for name in (*wanted, *([FOLD] if FOLD in names else []))]


def _parse(table: Table, done: int) -> _Batch:
    ids = [str(row) for row in range(done + 1, done + 1 + len(table.lines))]
    records = Records(ids, Ragged.from_strings(table.columns[0]), table.lines, table.source)
    values = _numbers(table.columns[1], records, "a number")
    folds = _whole_numbers(table.columns[2], records) if len(table.columns) > 2 else None
    return _Batch(records, values, folds)


def _numbers(cells: list[str], records: Records, wanted: str) -> np.ndarray:
    """float64 (n,); the fast way first, and cell by cell only to find the one that is wrong."""
    try:
        return np.array(cells, np.float64)
    except ValueError:
        index = next(i for i, cell in enumerate(cells) if not is_number(cell))
        raise InputError(f"Expected {wanted}, got {cells[index]!r} in {records.place(index)}.") from None


def _whole_numbers(cells: list[str], records: Records) -> np.ndarray:
    wanted = "a fold (a whole number)"
    numbers = _numbers(cells, records, wanted)
    wrong = np.flatnonzero(~((numbers == np.rint(numbers)) & (np.abs(numbers) < 2**31)))
    if len(wrong):
        raise InputError(f"Expected {wanted}, got {cells[wrong[0]]!r} in {records.place(int(wrong[0]))}.")
    return numbers.astype(np.int32)


def _joined(parts: list[Examples]) -> Examples:
    folds = None if parts[0].folds is None else np.concatenate([part.folds for part in parts if part.folds is not None])
    return Examples(
        ids=[name for part in parts for name in part.ids],
        letters=np.concatenate([part.letters for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        folds=folds,
        construct=YEAST,
    )


YEAST_ASSAY = Assay(
    name="yeast",
    construct=YEAST,
    tasks=("expression",),
    units=("expression bin (0 to 17), mean over sorted cells",),
    read=read,
    bins=BINS,
)
