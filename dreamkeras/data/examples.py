"""Examples: windows with their measured values and flags, one row per example.

This module depends neither on file formats nor on Keras.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamkeras.errors import InputError, counted
from dreamkeras.sequence.construct import Construct

__all__ = ["Examples", "fingerprint", "require_examples"]

DIMENSIONS = {
    "letters": 2, "targets": 2, "flags": 2, "lengths": 1, "folds": 1, "weights": 1, "replicates": 3, "profiles": 2, "is_peak": 1,
}  # fmt: skip
"""Number of dimensions of each field that is an array with one row per example."""


@dataclass(frozen=True)
class Examples:
    """Windows of sequences with their measured values, as used for training and evaluation.

    Args:
        ids: Names of the n examples.
        letters: Windows, ASCII, uint8 (n, length + 2 * margin).
        targets: Measured values, float32 (n, tasks). Missing values are NaN.
        flags: Flags, float32 (n, flags), with columns in the order of the construct's flags.
        lengths: Number of bases of each sequence in the data file, int32 (n,).
        folds: Fold of each example, a number or a text, int32 or str (n,). None if the data have no folds.
        construct: Construct of the windows. None if unknown.
        weights: Weight of each example in the loss, float32 (n,). If None, all examples have the same weight.
        replicates: Replicate measurements whose means are the targets, float32 (n, tasks, k). Missing values are NaN. None if unknown.
        profiles: Number of reads that begin at each position in the middle of the window, float32 (n, positions + 2 * margin). None for
            assays without profiles.
        is_peak: Whether each genomic window is around a peak, bool (n,). None if the windows are not genomic.
        left_out: Number of rows of the data file that were skipped for each reason, such as `without a value`.
        remarks: Notes for the model card on how the data file was read.
        margin: Number of additional bases and profile positions on each side of a window, so that the window can be shifted.

    Raises:
        InputError: A field does not have n rows or has the wrong number of dimensions, or the margin is negative.
    """

    ids: list[str]
    letters: np.ndarray
    targets: np.ndarray
    flags: np.ndarray
    lengths: np.ndarray
    folds: np.ndarray | None = None
    construct: Construct | None = None
    weights: np.ndarray | None = None
    replicates: np.ndarray | None = None
    profiles: np.ndarray | None = None
    is_peak: np.ndarray | None = None
    margin: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, dimensions in DIMENSIONS.items():
            values = getattr(self, name)
            if values is not None and (values.ndim != dimensions or len(values) != len(self.ids)):
                raise InputError(f"Expected {name} with {dimensions} dimensions and {len(self.ids)} rows, got shape {values.shape}.")
        if self.margin < 0:
            raise InputError(f"Expected a margin of 0 or more, got {self.margin}.")

    def __len__(self) -> int:
        return len(self.ids)

    def centred(self) -> "Examples":
        """Returns the examples without margins: letters and profiles are cut to the unshifted windows."""
        inside = slice(self.margin, -self.margin if self.margin else None)
        profiles = None if self.profiles is None else self.profiles[:, inside]
        return dataclasses.replace(self, letters=self.letters[:, inside], profiles=profiles, margin=0)

    def select(self, index: np.ndarray) -> "Examples":
        """Returns the examples at `index` (integers or a boolean mask), in the order of `index`."""
        kept = np.arange(len(self))[index]
        rows: dict[str, Any] = {name: values[kept] for name in DIMENSIONS if (values := getattr(self, name)) is not None}
        return dataclasses.replace(self, ids=[self.ids[i] for i in kept], left_out={}, remarks=(), **rows)

    def describe_reading(self, file: str) -> str:
        """Returns a sentence that states the number of rows of a file and the number of skipped rows.

        For genomic windows, an empty text is returned, because their `remarks` already include these numbers.
        """
        if self.is_peak is not None:
            return ""
        reasons = " and ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        rows = sum(self.left_out.values()) + len(self)
        return f"Read {counted(rows, 'row')} of {file}{f'; skipped {reasons}' if reasons else ''}."

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> "Examples":
        """Concatenates one or more sets of examples that have the same fields.

        The result has the construct and the margin of the first set, and the remarks of all sets. If the folds of one set are texts, all
        folds of the result are texts.

        Raises:
            InputError: Only some of the sets have a field, such as folds.
        """
        for name in DIMENSIONS:
            if len({getattr(part, name) is None for part in parts}) > 1:
                raise InputError(f"Expected {name} in all data files or in none. Some have {name}, and others do not.")
        left_out: Counter[str] = sum((Counter(part.left_out) for part in parts), Counter())
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in DIMENSIONS if getattr(parts[0], name) is not None
        }
        ids = [name for part in parts for name in part.ids]
        remarks = tuple(remark for part in parts for remark in part.remarks)
        return dataclasses.replace(parts[0], ids=ids, left_out=dict(left_out), remarks=remarks, **rows)


def require_examples(examples: Examples, wanted: int, purpose: str) -> None:
    """Checks that there are at least `wanted` examples. The error message states their purpose.

    Raises:
        InputError: There are fewer examples than `wanted`.
    """
    if len(examples) < wanted:
        raise InputError(f"Expected at least {wanted} examples for {purpose}, got {len(examples)}.")


def fingerprint(training: Examples, validation: Examples) -> str:
    """Returns a hash of the training and validation examples. Equal examples have equal hashes."""
    digest = hashlib.sha256()
    for examples in (training, validation):
        weights = () if examples.weights is None else (examples.weights,)
        profiles = () if examples.profiles is None else (examples.profiles,)
        for values in (examples.letters, examples.flags, examples.targets, *weights, *profiles):
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
