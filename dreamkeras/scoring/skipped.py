"""Counts the records that are skipped because they do not fit the construct, and keeps the reasons for the first records."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dreamkeras.sequence.records import Records

__all__ = ["REASONS", "Skipped", "leave_out"]

REASONS = 5
"""Maximum number of messages about skipped records that are kept."""


@dataclass(frozen=True)
class Skipped:
    """Number of skipped records and the reasons. `a + b` adds the counts and joins the reasons of two batches.

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
    """Separates the records that fit the construct from the records to skip.

    Args:
        records: The records.
        problems: Message for each record that does not fit, by the index of the record.

    Returns:
        The records without a problem, and the skipped records with their messages. Each message ends with the name, file
        and line of the record.
    """
    if not problems:
        return records, Skipped()
    reasons = tuple(f"{problems[i]} in {records.origin(i)}" for i in sorted(problems)[:REASONS])
    fits = np.ones(len(records.ids), bool)
    fits[list(problems)] = False
    return records.select(fits), Skipped(len(problems), reasons)
