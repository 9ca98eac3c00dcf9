"""Examples: windows of letters with their measured values and flags, a row an example.

Knows nothing about file formats or Keras.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct

__all__ = ["Examples", "fingerprint", "require_examples"]

DIMENSIONS = {
    "letters": 2, "targets": 2, "flags": 2, "lengths": 1, "folds": 1, "weights": 1, "replicates": 3, "profiles": 2, "is_peak": 1,
}  # fmt: skip
"""The arrays that have a row an example, and how many dimensions each has."""


@dataclass(frozen=True)
class Examples:
    """Measured sequences in the form a model trains on.

    Args:
        ids: n names.
        letters: uint8 (n, length + 2 * margin), windows, ASCII.
        targets: float32 (n, tasks), measured values; NaN where one is missing.
        flags: float32 (n, flags), columns in the order of the construct's flags.
        lengths: int32 (n,), letters of each sequence as it was given.
        folds: int32 (n,), the fold that the data's authors put each example in; None if they did not.
        construct: Of the windows; None if it is unknown.
        weights: float32 (n,), how much each example counts in the loss; None weighs all alike.
        replicates: float32 (n, tasks, k), the measurements that the targets are means of, NaN where one is missing; None if unknown.
        profiles: float32 (n, positions + 2 * margin), reads that begin at each of the middle positions; None where none were counted.
        is_peak: bool (n,), whether each window of a genome is a peak; None where the windows are from no genome.
        left_out: How many rows of the file were left out, by the reason, such as `without a value`.
        remarks: Sentences on what else was decided or left out when the file was read.
        margin: Additional letters and positions on each side, for shifted windows.

    Raises:
        InputError: The fields do not all have n rows, or have the wrong number of dimensions.
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
                raise InputError(f"Expected {name} of {dimensions} dimensions and {len(self.ids)} rows, got shape {values.shape}.")
        if self.margin < 0:
            raise InputError(f"Expected a margin of 0 or more, got {self.margin}.")

    def __len__(self) -> int:
        return len(self.ids)

    def centred(self) -> "Examples":
        """The examples as the model sees them unshifted: letters and profiles without their margins."""
        inside = slice(self.margin, -self.margin if self.margin else None)
        profiles = None if self.profiles is None else self.profiles[:, inside]
        return dataclasses.replace(self, letters=self.letters[:, inside], profiles=profiles, margin=0)

    def select(self, index: np.ndarray) -> "Examples":
        """The examples at `index` (integers or a boolean mask), in its order."""
        kept = np.arange(len(self))[index]
        rows: dict[str, Any] = {name: values[kept] for name in DIMENSIONS if (values := getattr(self, name)) is not None}
        return dataclasses.replace(self, ids=[self.ids[i] for i in kept], left_out={}, remarks=(), **rows)

    def describe_reading(self, file: str) -> str:
        """A sentence on the rows of a file: how many there are, and how many of them are not here.

        Empty of windows of a genome, whose regions are told of when they are read.
        """
        if self.is_peak is not None:
            return ""
        reasons = " and ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
        rows = sum(self.left_out.values()) + len(self)
        return f"Read {rows:,} row{'s' * (rows != 1)} of {file}{f'; left out {reasons}' if reasons else ''}."

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> "Examples":
        """The examples of several parts, at least one, that have the same fields; construct and margin are the first's."""
        left_out: Counter[str] = sum((Counter(part.left_out) for part in parts), Counter())
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in DIMENSIONS if getattr(parts[0], name) is not None
        }
        return dataclasses.replace(parts[0], ids=[name for part in parts for name in part.ids], left_out=dict(left_out), **rows)


def require_examples(examples: Examples, wanted: int, purpose: str) -> None:
    """Refuses fewer examples than a purpose, such as `"one batch"`, needs.

    Raises:
        InputError: There are fewer.
    """
    if len(examples) < wanted:
        raise InputError(f"Expected at least {wanted} examples for {purpose}, got {len(examples)}.")


def fingerprint(training: Examples, validation: Examples) -> str:
    """A hash that is the same for the same training and validation examples."""
    digest = hashlib.sha256()
    for examples in (training, validation):
        weights = () if examples.weights is None else (examples.weights,)
        profiles = () if examples.profiles is None else (examples.profiles,)
        for values in (examples.letters, examples.flags, examples.targets, *weights, *profiles):
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
