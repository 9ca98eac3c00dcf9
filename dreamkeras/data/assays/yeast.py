"""The yeast assay of the Random Promoter DREAM Challenge: cells with random promoters are sorted into 18 bins by expression.

Data files are TSV or CSV, plain or gzip. Without a header, the columns are sequence, value and, optionally, fold, in this order.
"""

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import Columns, read_measurements
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, OnError
from dreamkeras.formats.reading import ID_NAMES
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.records import Records

__all__ = ["BINS", "HIGHEST", "LOWEST", "VALUE_NAMES", "YEAST_ASSAY", "read", "read_test", "to_examples"]

BINS = 18
"""Number of sorting bins."""

LOWEST, HIGHEST = 0, BINS - 1
"""Numbers of the first and the last sorting bin."""

VALUE_NAMES = ("value", "expression", "mean_value", "mean_expression", "measured_expression")
"""Possible names of the column of measured values. The first name that is in the header is used."""

COLUMNS = Columns(values=(VALUE_NAMES,), ids=ID_NAMES, needs_header=False)


def read(path: str, on_error: OnError = "fail") -> Examples:
    """Reads the measured promoters of a file. In a table without ids, rows are numbered from 1.

    Without a header, the columns are sequence (with both adapters or the insert only), value (0 to 17) and, optionally, fold (a whole
    number), in this order. With a header, columns may be in any order. A sequence column (`sequence` or `seq`) and a value
    column (one of `VALUE_NAMES`) are required. A column `fold` and an id column (one of `ID_NAMES`) are optional.

    See `rows.read_rows` for `on_error`.

    Raises:
        InputError: The file cannot be read, a sequence does not fit the construct, or a value or fold is invalid. The message names
            record, file and line.
    """
    return read_measurements(path, COLUMNS, lambda batch: to_examples(batch.records, batch.values[:, 0], batch.folds), on_error)


def read_test(path: str, on_error: OnError = "fail") -> Examples:
    """Reads a test file like `read`, but accepts values in any unit.

    Any unit is accepted, because the test values of the challenge are not bin numbers, and correlations do not depend on the unit.
    """
    return read_measurements(
        path, COLUMNS, lambda batch: to_examples(batch.records, batch.values[:, 0], batch.folds, in_bins=False), on_error
    )


def to_examples(records: Records, values: np.ndarray, folds: np.ndarray | None = None, in_bins: bool = True) -> Examples:
    """Returns the examples of n promoters.

    A promoter with an integer value was nearly always measured by a single read, so its flag `is_singleton` is 1.

    Args:
        records: Promoters, with both adapters or as inserts only.
        values: Measured values, float64 (n,).
        folds: Folds, int (n,). If None, the examples have no folds.
        in_bins: Whether values must be mean bin numbers, from 0 to 17. If False, any finite value is valid.

    Raises:
        InputError: A sequence does not fit the construct or a value is out of range. The message names the record.
    """
    legal = (values >= LOWEST) & (values <= HIGHEST) if in_bins else np.isfinite(values)  # False for NaN
    wrong = np.flatnonzero(~legal)
    if len(wrong):
        wanted = f"a value from {LOWEST} to {HIGHEST}" if in_bins else "a finite value"
        raise InputError(f"Expected {wanted}, got {values[wrong[0]]:g} in {records.origin(int(wrong[0]))}.")
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


YEAST_ASSAY = Assay(
    name="yeast",
    construct=YEAST,
    tasks=("expression",),
    units=("expression bin (0 to 17), mean over sorted cells",),
    read=read,
    bins=BINS,
    read_test=read_test,
    insert_length=80,
)
