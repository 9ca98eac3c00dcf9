"""Counts of skipped records that do not fit the construct, with the reasons for the first of these records."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dreamkeras.sequence.records import Records

__all__ = ["REASONS", "Skipped", "leave_out"]

REASONS = 5
"""Maximum number of reasons that are kept."""


@dataclass(frozen=True)
class Skipped:
    """Number of skipped records and the reasons. `a + b` joins the counts and reasons of two batches.

    Args:
        count: Number of skipped records.
        reasons: Messages for the first `REASONS` skipped records.

    Example:
        >>> Skipped(1, ("too short",)) + Skipped(2, ("too long", "no DNA"))
        Skipped(count=3, reasons=('too short', 'too long', 'no DNA'))
    """

    count: int = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: "Skipped") -> "Skipped":
        return Skipped(self.count + other.count, (*self.reasons, *other.reasons)[:REASONS])


def leave_out(records: Records, problems: Mapping[int, str]) -> tuple[Records, Skipped]:
    """Separates records that fit from skipped ones.

    Args:
        records: The records.
        problems: Messages by the index of the record.

    Returns:
        The records without a problem, and the skipped ones. The origin of the record is appended to each message.
    """
    if not problems:
        return records, Skipped()
    reasons = tuple(f"{problems[i]} in {records.origin(i)}" for i in sorted(problems)[:REASONS])
    fits = np.ones(len(records.ids), bool)
    fits[list(problems)] = False
    return records.select(fits), Skipped(len(problems), reasons)
