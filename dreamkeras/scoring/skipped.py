"""Records that are left out because they do not fit: how many, and why the first of them do not."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dreamkeras.sequence.records import Records

__all__ = ["REASONS", "Skipped", "leave_out"]

REASONS = 5
"""Most reasons that are kept."""


@dataclass(frozen=True)
class Skipped:
    """Records that were left out; `a + b` are those of `a`, then those of `b`.

    Args:
        count: How many.
        reasons: Why, for the first `REASONS` of them.

    Example:
        >>> Skipped(1, ("too short",)) + Skipped(2, ("too long", "no DNA"))
        Skipped(count=3, reasons=('too short', 'too long', 'no DNA'))
    """

    count: int = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: "Skipped") -> "Skipped":
        return Skipped(self.count + other.count, (*self.reasons, *other.reasons)[:REASONS])


def leave_out(records: Records, problems: Mapping[int, str]) -> tuple[Records, Skipped]:
    """The records without a problem, and those with one, by messages for their indices; each reason ends with its record's origin."""
    if not problems:
        return records, Skipped()
    reasons = tuple(f"{problems[i]} in {records.origin(i)}" for i in sorted(problems)[:REASONS])
    fits = np.ones(len(records.ids), bool)
    fits[list(problems)] = False
    return records.select(fits), Skipped(len(problems), reasons)
