"""HoldOut: the record of a hold-out, which is printed at the start of a run and stored in `metrics.json` and on the model card."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.choice import TOLERANCE, Method
from dreamkeras.data.splits.names import LEGACY
from dreamkeras.data.splits.overlap import overlap
from dreamkeras.errors import counted
from dreamkeras.statistics.bootstrap import QUANTITY

__all__ = ["HoldOut", "Moments", "describe_folds", "record_folds", "record_hold_out"]

SHOWN = 3
"""Maximum number of tasks whose values are printed. `metrics.json` contains the values of all tasks."""


SIDES = ("validation", "training")


class Moments(NamedTuple):
    """Values of a task in one set.

    Args:
        n: Number of values.
        mean: Mean of the values. NaN without values.
        sd: Standard deviation of the values. NaN without values.
    """

    n: int
    mean: float
    sd: float


class HoldOut(NamedTuple):
    """Record of a hold-out: how it was drawn, and the measured values of both sets.

    Args:
        method: How the sequences were grouped. See `data.splits.choice.Method`.
        reason: Clause that states why families were divided although the rule was `auto`. Otherwise, the text is empty.
        families: Number of families of similar sequences, or of chromosomes.
        largest: Number of sequences in the largest family.
        requested: Requested share.
        held_out: Number of held-out sequences.
        total: Number of sequences in both sets.
        near_duplicates: Number of held-out sequences that are copies, reverse complements or near-duplicates of training sequences.
        validation: Values of each task in the held-out set.
        training: Values of each task in the training set.
    """

    method: str
    reason: str
    families: int
    largest: int
    requested: float
    held_out: int
    total: int
    near_duplicates: int
    validation: dict[str, Moments]
    training: dict[str, Moments]

    @property
    def share(self) -> float:
        """Held-out share."""
        return self.held_out / self.total

    def to_json(self) -> dict[str, Any]:
        """Returns the record and its share as nested dictionaries. NaN is the mean and sd of tasks without values."""
        sides = {name: {task: moments._asdict() for task, moments in getattr(self, name).items()} for name in SIDES}
        return {**self._asdict(), "share": self.share, **sides}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "HoldOut":
        """Returns the record from the dictionaries of `to_json`. None in place of a number is read as NaN."""
        sides = {name: {task: _moments_of(moments) for task, moments in fields[name].items()} for name in SIDES}
        return cls(**{**{name: fields[name] for name in cls._fields}, **sides})

    def describe(self) -> str:
        """Returns one line that states how the hold-out was drawn, its real share, and the values of both sets."""
        return f"{self.describe_draw()} {self._values()}"

    def describe_draw(self) -> str:
        """Returns the part of `describe` without the values."""
        asked = f" instead of {_percent(self.requested)}" if abs(self.share - self.requested) > TOLERANCE * self.requested else ""
        counts = f"Held out {self.held_out:,} of {counted(self.total, 'sequence')} ({_percent(self.share)}{asked})"
        manner = _manner(self.method, self.reason, self.families, self.largest)
        return " ".join(filter(None, (f"{counts}{manner}", self._near())))

    def _near(self) -> str:
        """States the number of near-duplicates. The text is empty if families were not divided and no near-duplicate was found."""
        if self.method == "chromosomes":
            return f"{self.near_duplicates:,} held-out windows overlap training windows."
        if self.near_duplicates == 0:
            return "No held-out sequence is similar to a training sequence." if self.method == "random" else ""
        verb = "is" if self.near_duplicates == 1 else "are"
        return f"{counted(self.near_duplicates, 'held-out sequence')} {verb} similar to training sequences."

    def _values(self) -> str:
        tasks = list(self.validation)
        texts = [f"{task}: mean {_pair(self, task, 'mean')}, sd {_pair(self, task, 'sd')}" for task in tasks[:SHOWN]]
        more = f"; {len(tasks) - SHOWN} more in metrics.json" if len(tasks) > SHOWN else ""
        return f"Held-out and training values: {'; '.join(texts)}{more}."


def record_hold_out(method: Method, requested: float, training: Examples, validation: Examples, tasks: Sequence[str]) -> HoldOut:
    """Returns the record of a hold-out.

    Args:
        method: How the hold-out was drawn.
        requested: Requested share.
        training: Training examples.
        validation: Held-out examples.
        tasks: Names of the tasks.
    """
    sides = [_moments(side, tasks) for side in (validation, training)]
    held, total = len(validation), len(training) + len(validation)
    return HoldOut(*method, requested, held, total, sum(overlap(training, validation)), *sides)


def describe_folds(folds: np.ndarray, method: Method) -> str:
    """Returns one line that states how folds were drawn, and their sizes.

    Args:
        folds: Fold of each sequence, int (n,).
        method: How the folds were drawn.
    """
    sizes = np.bincount(folds)
    spread = f"{sizes.min():,}" if sizes.min() == sizes.max() else f"{sizes.min():,} to {sizes.max():,}"
    return f"Divided {counted(len(folds), 'sequence')} into {len(sizes)} folds of {spread}{_manner(*method)}"


def record_folds(folds: np.ndarray, method: Method) -> dict[str, Any]:
    """Returns how folds were drawn, and their `sizes`, for `metrics.json`. See `describe_folds` for the arguments."""
    name, reason, families, largest = method
    return {"method": name, "reason": reason, "families": families, "largest": largest, "sizes": np.bincount(folds).tolist()}


def _manner(method: str, reason: str, families: int, largest: int) -> str:
    """Returns the end of a sentence that states which groups were not divided."""
    because = f", because {reason}" if reason else ""
    similar = f"{'1 family' if families == 1 else f'{families:,} families'}, largest {largest:,}"
    kept = ". No two sequences are similar." if largest == 1 else f". Families of similar sequences are kept together ({similar})."
    return {
        "similar": kept,
        "random": f" at random{because}. Only copies are kept together, not families of similar sequences ({similar}).",
        "chromosomes": f". Chromosomes are kept together ({families:,} chromosomes, largest {largest:,}).",
        LEGACY: f"{kept} The hold-out was drawn by the rule of earlier versions.",
    }[method]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _moments(examples: Examples, tasks: Sequence[str]) -> dict[str, Moments]:
    found = {}
    for task, column in zip(tasks, examples.targets.T.astype(np.float64), strict=True):
        known = column[~np.isnan(column)]
        found[task] = Moments(len(known), float(known.mean()), float(known.std())) if len(known) else Moments(0, math.nan, math.nan)
    return found


def _moments_of(fields: Mapping[str, Any]) -> Moments:
    mean, sd = (math.nan if fields[name] is None else float(fields[name]) for name in ("mean", "sd"))
    return Moments(int(fields["n"]), mean, sd)


def _pair(record: HoldOut, task: str, name: str) -> str:
    held, other = (getattr(side[task], name) for side in (record.validation, record.training))
    return f"{held:{QUANTITY}} and {other:{QUANTITY}}"
