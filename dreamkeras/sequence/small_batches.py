"""Computes the windows of a few sequences with Python bytes, because NumPy calls would take most of the time for small batches."""

import functools

import numpy as np

from dreamkeras.sequence.alphabet import LETTER_CODES, PLAIN
from dreamkeras.sequence.construct import TEMPLATES, Construct
from dreamkeras.sequence.orientation import has_one_adapter, other_strand, shows_other_strand
from dreamkeras.sequence.ragged import Ragged

__all__ = ["SMALL_BATCH", "cut_small_batch"]

SMALL_BATCH = 24
"""Maximum number of sequences for which `cut_small_batch` is faster than `Construct.fit`."""

TO_PLAIN = PLAIN.tobytes()
"""Table for `bytes.translate` that converts letters to upper case and U to T."""


def cut_small_batch(construct: Construct, sequences: list[bytes]) -> np.ndarray | None:
    """Returns the windows of a few sequences, which are equal to the windows that `Construct.fit` returns.

    Args:
        construct: Construct of the windows.
        sequences: The n sequences, in any case, with both adapters or with neither.

    Returns:
        Windows, uint8 (n, length). None if a sequence does not fit. `Construct.fit` returns the reason why a sequence does not fit.
    """
    windows = [_window(construct, sequence) for sequence in sequences]
    return np.frombuffer(b"".join(windows), np.uint8).reshape(-1, construct.length) if all(windows) else None


def _window(construct: Construct, sequence: bytes) -> bytes:
    """Returns the window of a sequence, or empty bytes if the sequence does not fit."""
    left, right, first, last = _adapters(construct)
    upper = sequence.translate(TO_PLAIN)
    begins, ends = _shows(upper, left, right)
    insert = sequence[len(left) * begins : len(sequence) - len(right) * ends]
    has_one = has_one_adapter(begins, ends, left, right)
    may_be_turned = not (begins or ends) and (upper.startswith(first) or upper.endswith(last))
    is_turned = may_be_turned and shows_other_strand(*_shows(upper, first, last), len(first), len(last))
    if has_one or is_turned or not construct.shortest <= len(insert) <= construct.longest or sequence.translate(None, LETTER_CODES):
        return b""
    before, after = _around(construct, len(insert))
    return before + insert + after


def _shows(sequence: bytes, left: bytes, right: bytes) -> tuple[bool, bool]:
    """Returns whether a sequence begins with the left adapter, and whether the sequence ends with the right adapter.

    The second result is False if the sequence is too short for both adapters.
    """
    ends = bool(right) and sequence.endswith(right) and len(sequence) >= len(left) + len(right)
    return bool(left) and sequence.startswith(left), ends


@functools.lru_cache
def _adapters(construct: Construct) -> tuple[bytes, ...]:
    """Returns the left and right adapters of both strands, in upper case and with T in place of U."""
    both = construct.left_adapter, construct.right_adapter
    return tuple(text.encode().translate(TO_PLAIN) for text in (*both, *other_strand(*both)))


@functools.lru_cache(TEMPLATES)
def _around(construct: Construct, length: int) -> tuple[bytes, bytes]:
    """Returns the parts of the window before and after an insert of a given length."""
    first = int(construct.first_columns(np.array(length)))
    window = construct.surround(Ragged.from_strings(["N" * length]))[0].tobytes()
    return window[:first], window[first + length :]
