"""Whether sequences are given on the other strand, or with only one of their two adapters. `Construct.find_inserts` finds adapters."""

import functools
from typing import TypeVar

import numpy as np

from dreamkeras.sequence.alphabet import letter_codes, reverse_complement
from dreamkeras.sequence.matching import begins_with, ends_with
from dreamkeras.sequence.ragged import Ragged

__all__ = ["OTHER_STRAND", "has_one_adapter", "on_other_strand", "other_strand", "shows_other_strand"]

Shown = TypeVar("Shown", bool, np.ndarray)

OTHER_STRAND = "Expected the forward strand ({left}...{right}), got the reverse complement (turn it, for example with `seqkit seq -r -p`)"
"""The message about a sequence that is given in reverse complement."""

DISTINCT = 16
"""Fewest letters of an adapter that shows the strand alone: one random sequence in 4 billion begins with them."""


def on_other_strand(sequences: Ragged, left: str, right: str) -> np.ndarray:
    """bool (n,): whether each sequence is the reverse complement of one with adapters, in any case.

    It is if it has both adapters of the other strand, or one of `DISTINCT` letters or more.

    Example:
        >>> on_other_strand(Ragged.from_strings(["AACCGGTTTGCA", "TGCACCGGGGTT"]), "TGCA", "GGTT").tolist()
        [True, False]
    """
    first, last = other_strand(left, right)
    return shows_other_strand(begins_with(sequences, first), ends_with(sequences, last, len(first)), len(first), len(last))


@functools.lru_cache
def other_strand(left: str, right: str) -> tuple[str, str]:
    """The ends of the reverse complement of a sequence with these adapters, in upper case."""
    first, last = (reverse_complement(letter_codes(text.upper())) for text in (right, left))
    return first.tobytes().decode(), last.tobytes().decode()


def has_one_adapter(begins: Shown, ends: Shown, left: str | bytes, right: str | bytes) -> Shown:
    """Whether sequences have one of two adapters and not the other: `begins` with the left one, or `ends` with the right one."""
    return (begins != ends) & bool(left and right)


def shows_other_strand(begins: Shown, ends: Shown, first: int, last: int) -> Shown:
    """Whether adapters show the other strand.

    Args:
        begins: Whether a sequence begins with the other strand's first adapter, of `first` letters: bool, or bool (n,).
        ends: Likewise, for its last adapter at the end.
        first: Letters of the first adapter.
        last: Letters of the last one.
    """
    return (begins & ends) | (begins & (first >= DISTINCT)) | (ends & (last >= DISTINCT))
