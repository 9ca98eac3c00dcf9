"""The yeast assay of the Random Promoter DREAM Challenge: promoters sorted into 18 bins by the expression they drive.

A file holds a sequence, its value, and perhaps a fold, in this order, with or without a header; TSV or CSV, plain or gzip.
"""

import numpy as np

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.measurements import Columns, read_measurements
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.formats.reading import ID_NAMES
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.records import Records

__all__ = ["BINS", "HIGHEST", "LOWEST", "VALUE_NAMES", "YEAST_ASSAY", "read", "read_test", "to_examples"]

BINS = 18
"""Sorting bins."""

LOWEST, HIGHEST = 0, BINS - 1
"""The numbers of the first and the last sorting bin."""

VALUE_NAMES = ("value", "expression", "mean_value", "mean_expression", "measured_expression")
"""Names of the measured value in a header; the first that it has counts."""

COLUMNS = Columns(values=(VALUE_NAMES,), ids=ID_NAMES, needs_header=False)


def read(path: str) -> Examples:
    """The measured promoters of a file; their ids are row numbers from 1 in a table without ids.

    Columns: sequence (with both adapters or the bare insert), value (0 to 17) and, optionally, fold (a whole number), in this order. Under
    a header, in any order: sequence or seq, one of `VALUE_NAMES`, fold, and one of `ID_NAMES`.

    Raises:
        InputError: The file cannot be read, a sequence does not fit, or a value or fold is illegal; names record, file and line.
    """
    return read_measurements(path, COLUMNS, lambda batch: to_examples(batch.records, batch.values[:, 0], batch.folds))


def read_test(path: str) -> Examples:
    """As `read`, with values in any unit: those of the challenge's test are no bins, and correlations do not depend on it."""
    return read_measurements(path, COLUMNS, lambda batch: to_examples(batch.records, batch.values[:, 0], batch.folds, in_bins=False))


def to_examples(records: Records, values: np.ndarray, folds: np.ndarray | None = None, in_bins: bool = True) -> Examples:
    """Examples of n promoters, with both adapters or bare, their values, float64 (n,), and folds.

    A promoter with an integer value was nearly always read once; the flag `is_singleton` is 1 for it. Values are means of bins, 0 to 17,
    or with `in_bins=False` any finite numbers.

    Raises:
        InputError: A sequence does not fit the construct or a value is out of range; names the record.
    """
    legal = (values >= LOWEST) & (values <= HIGHEST) if in_bins else np.isfinite(values)  # NaN is wrong too
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
