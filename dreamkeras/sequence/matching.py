"""Checks whether sequences begin or end with a text, and finds invalid letters."""

import functools

import numpy as np

from dreamkeras.sequence.alphabet import IS_LETTER, LETTER_CODES, PLAIN, letter_codes
from dreamkeras.sequence.ragged import Ragged

__all__ = ["begins_with", "ends_with", "illegal_letters"]

BLOCK = 1 << 20
"""Number of letters that are checked at a time.

Checking in blocks limits memory use, because several integers are stored for each invalid letter.
"""

CASE, RNA = 0x20, 0x01
"""The bit that distinguishes lower case from upper case in ASCII, and the bit that distinguishes U from T."""


def begins_with(sequences: Ragged, text: str) -> np.ndarray:
    """Returns whether each sequence begins with a text, bool (n,). Case is ignored, and U matches T. The result is False for an empty text.

    Example:
        >>> begins_with(Ragged.from_strings(["acgt", "AC", "A"]), "AC").tolist()
        [True, True, False]
    """
    return _shows(sequences, text, 0, 0)


def ends_with(sequences: Ragged, text: str, beside: int = 0) -> np.ndarray:
    """Returns whether each sequence ends with a text and has at least `beside` letters before the text, bool (n,). See also `begins_with`.

    Example:
        >>> ends_with(Ragged.from_strings(["ACGT", "gt", "T"]), "GT", 1).tolist()
        [True, False, False]
    """
    return _shows(sequences, text, beside, -len(text))


def illegal_letters(sequences: Ragged) -> dict[int, str]:
    """Returns a dictionary of error messages for sequences with invalid letters. The keys are the indices of the sequences."""
    found: dict[int, str] = {}
    for begin in range(0, len(sequences.flat), BLOCK):
        block = sequences.flat[begin : begin + BLOCK]
        if not block.tobytes().translate(None, LETTER_CODES):  # `translate` is several times faster than a lookup in `IS_LETTER`
            continue
        positions = begin + np.flatnonzero(~IS_LETTER[block])
        owners, first = np.unique(sequences.owner(positions), return_index=True)
        for owner, position in zip(owners.tolist(), positions[first].tolist(), strict=True):
            place = position - int(sequences.offsets[owner]) + 1
            found.setdefault(owner, f"Expected DNA letters, got {chr(sequences.flat[position])!r} at position {place}")
    return found


def _shows(sequences: Ragged, text: str, beside: int, place: int) -> np.ndarray:
    """Returns whether each sequence contains `text` at position `place`. A negative position is counted from the end.

    If all sequences have the same length, they are compared as a matrix, which is faster.
    """
    (wanted, bits), common = _wanted(text), sequences.common_length
    if not text or (common is not None and common < len(text) + beside):
        return np.zeros(len(sequences), bool)
    if common is not None:
        first = place % common
        letters = sequences.flat.reshape(len(sequences), common)[:, first : first + len(text)]
        rows = np.flatnonzero(letters[:, 0] & bits[0] == wanted[0])
        if 2 * len(rows) > len(letters):
            return _equal(letters, wanted, bits)
        found = np.zeros(len(letters), bool)  # rows that differ from the text in the first letter are not compared further
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
    """Returns two arrays: the letters of a text in upper case, with T in place of U, and a mask of the bits to compare for each letter."""
    letters = PLAIN[letter_codes(text)]
    return letters, np.where(letters == ord("T"), 0xFF - CASE - RNA, 0xFF - CASE).astype(np.uint8)
