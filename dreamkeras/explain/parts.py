"""Selects the part of each insert that is explained: the complete insert or a span, without positions beyond the ends of a contig."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["Parts", "Span", "explained_parts", "span_problems"]


class Span(NamedTuple):
    """Positions of an insert, counted from 1. Both ends are included.

    If a window begins before its contig, positions are counted from the first base of the contig, as in the output.

    Args:
        first: First position.
        last: Last position.
    """

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Parses `START:END`.

        Raises:
            InputError: The text is not of the form `START:END`, or the positions are not in ascending order from 1.

        Example:
            >>> Span.parse("11:60")
            Span(first=11, last=60)
        """
        if re.fullmatch("[0-9]{1,18}:[0-9]{1,18}", text):
            span = cls(*map(int, text.split(":")))
            if 1 <= span.first <= span.last:
                return span
        raise InputError(f"Expected START:END, two positions counted from 1 such as 11:60, got {text!r}.")


class Parts(NamedTuple):
    """The explained part of each of n inserts.

    Args:
        starts: Position of the first letter of each part within the insert, counted from 0, int64 (n,).
        lengths: Length of each part, int64 (n,).
        positions: Position of the first letter of each part in the output, counted from 0, int64 (n,). If a window begins before its
            contig, positions are counted from the first base of the contig. Otherwise, `positions` is equal to `starts`.
    """

    starts: np.ndarray
    lengths: np.ndarray
    positions: np.ndarray

    def cut(self, inserts: Ragged) -> Ragged:
        """Copies the parts from the inserts."""
        return inserts.cut(inserts.offsets[:-1] + self.starts, self.lengths)

    def contain(self, inserts: Ragged) -> np.ndarray:
        """Returns whether each letter of the inserts is in a part, bool (letters of all inserts,)."""
        owner = inserts.owners()
        place = np.arange(len(owner)) - (inserts.offsets[:-1] + self.starts)[owner]
        return (place >= 0) & (place < self.lengths[owner])


def explained_parts(records: Records, construct: Construct, span: Span | None = None) -> Parts:
    """Returns the explained parts of the inserts of sequences.

    Args:
        records: n sequences that fit the construct, and that contain the span.
        construct: Construct of the model.
        span: Positions to explain in each insert. If None, the complete inserts are explained.
    """
    found = construct.find_inserts(records.sequences)
    begins, ends = np.zeros_like(found.lengths), found.lengths
    before = begins
    if records.padding is not None:
        removed = found.starts - records.sequences.offsets[:-1]
        behind = records.sequences.lengths - removed - found.lengths
        before = np.maximum(records.padding[:, 0] - removed, 0)
        begins, ends = before, found.lengths - np.maximum(records.padding[:, 1] - behind, 0)
    if span is not None:
        begins, ends = np.minimum(before + span.first - 1, ends), np.minimum(before + span.last, ends)
    return Parts(begins, ends - begins, begins - before)


def span_problems(records: Records, constructs: Sequence[Construct], span: Span | None) -> dict[int, str]:
    """Returns messages, by index, for the records whose insert does not contain the span."""
    if span is None:
        return {}
    lengths = constructs[0].find_inserts(records.sequences).lengths
    wanted = f"Expected an insert with the positions {span.first} to {span.last}"
    return {int(index): f"{wanted}, got an insert of {lengths[index]} bases" for index in np.flatnonzero(lengths < span.last)}
