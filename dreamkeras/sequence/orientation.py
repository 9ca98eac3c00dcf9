"""Detects sequences that are given as reverse complements or with only one of two adapters. `Construct.find_inserts` finds adapters."""

import functools
from typing import TypeVar

import numpy as np

from dreamkeras.sequence.alphabet import letter_codes, reverse_complement
from dreamkeras.sequence.matching import begins_with, ends_with
from dreamkeras.sequence.ragged import Ragged

__all__ = ["OTHER_STRAND", "has_one_adapter", "on_other_strand", "other_strand", "shows_other_strand"]

Shown = TypeVar("Shown", bool, np.ndarray)

OTHER_STRAND = "Expected the forward strand ({left}...{right}), got the reverse complement (reverse it with `seqkit seq -r -p`)"
"""Error message about a sequence that is given as its reverse complement."""

DISTINCT = 16
"""Minimum length of an adapter that identifies the strand without the other adapter.

The probability that a random sequence begins with 16 given bases is about 1 in 4 billion.
"""


def on_other_strand(sequences: Ragged, left: str, right: str) -> np.ndarray:
    """Returns whether each sequence is the reverse complement of a sequence with adapters, bool (n,). Case is ignored.

    A sequence counts as a reverse complement if it has the reverse complements of both adapters, or of one adapter with at least
    `DISTINCT` bases.

    Example:
        >>> on_other_strand(Ragged.from_strings(["AACCGGTTTGCA", "TGCACCGGGGTT"]), "TGCA", "GGTT").tolist()
        [True, False]
    """
    first, last = other_strand(left, right)
    return shows_other_strand(begins_with(sequences, first), ends_with(sequences, last, len(first)), len(first), len(last))


@functools.lru_cache
def other_strand(left: str, right: str) -> tuple[str, str]:
    """Returns the reverse complements of the right and the left adapter, in upper case.

    The reverse complement of a sequence with adapters begins with the first result and ends with the second.
    """
    first, last = (reverse_complement(letter_codes(text.upper())) for text in (right, left))
    return first.tobytes().decode(), last.tobytes().decode()


def has_one_adapter(begins: Shown, ends: Shown, left: str | bytes, right: str | bytes) -> Shown:
    """Returns whether a sequence has only one of two adapters.

    Args:
        begins: Whether a sequence begins with the left adapter, bool, or bool (n,) for n sequences.
        ends: Whether a sequence ends with the right adapter, bool, or bool (n,) for n sequences.
        left: Left adapter.
        right: Right adapter.
    """
    return (begins != ends) & bool(left and right)


def shows_other_strand(begins: Shown, ends: Shown, first: int, last: int) -> Shown:
    """Returns whether the adapters of a sequence show that it is a reverse complement.

    Args:
        begins: Whether a sequence begins with the reverse complement of the right adapter, bool, or bool (n,) for n sequences.
        ends: Whether a sequence ends with the reverse complement of the left adapter, bool, or bool (n,) for n sequences.
        first: Length of the right adapter.
        last: Length of the left adapter.
    """
    return (begins & ends) | (begins & (first >= DISTINCT)) | (ends & (last >= DISTINCT))
