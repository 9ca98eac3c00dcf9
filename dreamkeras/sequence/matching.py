"""The letters that sequences begin and end with, and their illegal letters."""

import functools

import numpy as np

from dreamkeras.sequence.alphabet import IS_LETTER, LETTER_CODES, PLAIN, letter_codes
from dreamkeras.sequence.ragged import Ragged

__all__ = ["begins_with", "ends_with", "illegal_letters"]

BLOCK = 1 << 20
"""Letters that are looked at together: what is found out of illegal ones takes a multiple of their memory."""

CASE, RNA = 0x20, 0x01
"""The bits of an ASCII letter that lower case has and upper case lacks, and that U has and T lacks."""


def begins_with(sequences: Ragged, text: str) -> np.ndarray:
    """bool (n,): whether each sequence begins with a text, in any case, U as T; none does with an empty one.

    Example:
        >>> begins_with(Ragged.from_strings(["acgt", "AC", "A"]), "AC").tolist()
        [True, True, False]
    """
    return _shows(sequences, text, 0, 0)


def ends_with(sequences: Ragged, text: str, beside: int = 0) -> np.ndarray:
    """bool (n,): whether each sequence ends with a text, as `begins_with`, with `beside` letters or more before it.

    Example:
        >>> ends_with(Ragged.from_strings(["ACGT", "gt", "T"]), "GT", 1).tolist()
        [True, False, False]
    """
    return _shows(sequences, text, beside, -len(text))


def illegal_letters(sequences: Ragged) -> dict[int, str]:
    """A message about the first letter that is none, by the index of its sequence, for those that have one."""
    found: dict[int, str] = {}
    for begin in range(0, len(sequences.flat), BLOCK):
        block = sequences.flat[begin : begin + BLOCK]
        if not block.tobytes().translate(None, LETTER_CODES):  # several times as fast as the table's rows
            continue
        positions = begin + np.flatnonzero(~IS_LETTER[block])
        owners, first = np.unique(sequences.owner(positions), return_index=True)
        for owner, position in zip(owners.tolist(), positions[first].tolist(), strict=True):
            place = position - int(sequences.offsets[owner]) + 1
            found.setdefault(owner, f"Expected DNA letters, got {chr(sequences.flat[position])!r} at position {place}")
    return found


def _shows(sequences: Ragged, text: str, beside: int, place: int) -> np.ndarray:
    """Whether `text` is at `place`, from the end where that is negative; sequences of one length are looked at as a matrix."""
    (wanted, bits), common = _wanted(text), sequences.common_length
    if not text or (common is not None and common < len(text) + beside):
        return np.zeros(len(sequences), bool)
    if common is not None:
        first = place % common
        letters = sequences.flat.reshape(len(sequences), common)[:, first : first + len(text)]
        rows = np.flatnonzero(letters[:, 0] & bits[0] == wanted[0])
        if 2 * len(rows) > len(letters):
            return _equal(letters, wanted, bits)
        found = np.zeros(len(letters), bool)  # most differ in the first letter
        found[rows] = _equal(letters[rows], wanted, bits)
        return found
    shows = sequences.lengths >= len(text) + beside
    starts = (sequences.offsets[1:] if place < 0 else sequences.offsets[:-1])[shows] + place
    shows[shows] = _equal(sequences.flat[starts[:, None] + np.arange(len(text))], wanted, bits)
    return shows


def _equal(letters: np.ndarray, wanted: np.ndarray, bits: np.ndarray) -> np.ndarray:
    return np.logical_and.reduce(letters & bits == wanted, axis=1)


@functools.lru_cache
def _wanted(text: str) -> tuple[np.ndarray, np.ndarray]:
    """A text's letters in upper case, T for U, and the bits of letters in its place that count."""
    letters = PLAIN[letter_codes(text)]
    return letters, np.where(letters == ord("T"), 0xFF - CASE - RNA, 0xFF - CASE).astype(np.uint8)
