"""Which windows hold the same double-stranded DNA: a number for each, equal for duplicates and reverse complements."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import COMPLEMENT, reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["duplex_keys"]

CHUNK = 16384
WORD = 8

# Clearing bit 5 makes letters upper case; complementing them twice makes U a T.
_PLAIN = COMPLEMENT[COMPLEMENT[np.arange(256, dtype=np.uint8) & 0xDF]]


def duplex_keys(letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None) -> np.ndarray:
    """A 64-bit key of each window, the same whichever way round its insert stands.

    The flanks of a construct do not turn with the insert, so the insert alone is reversed where the construct is known;
    without one the whole window is. Upper and lower case, and T and U, are alike. Different DNA has different keys but
    for an accident of the hash (1 in a million for all pairs of 6.7 million windows).

    Args:
        letters: uint8 (n, length), windows.
        lengths: int (n,), letters of each sequence as it was given, with both adapters or bare; needed with a construct.
        construct: What the windows were cut by.

    Returns:
        uint64 (n,).

    Example:
        >>> windows = np.frombuffer(b"AACGCGTTaacc", np.uint8).reshape(3, 4)
        >>> keys = duplex_keys(windows)
        >>> bool(keys[0] == keys[1]), bool(keys[0] == keys[2])
        (True, False)
    """
    keys = np.empty(len(letters), np.uint64)
    for start in range(0, len(letters), CHUNK):
        rows = slice(start, start + CHUNK)
        one = _PLAIN[letters[rows]]
        other = _turned(one, None if lengths is None else lengths[rows], construct)
        keys[rows] = _hash(one) + _hash(other)
    return keys


def _turned(windows: np.ndarray, lengths: np.ndarray | None, construct: Construct | None) -> np.ndarray:
    """uint8, the windows with their inserts reverse-complemented."""
    if construct is None or lengths is None:
        return reverse_complement(windows)
    turned = windows.copy()
    for given in np.unique(lengths):  # a measured library has few lengths
        rows = np.flatnonzero(lengths == given)
        adapted = _held_adapters(windows[rows], int(given), construct)
        for group, length in ((rows[adapted], int(given) - _adapters(construct)), (rows[~adapted], int(given))):
            if len(group):
                insert = _frame(construct, length).insert
                turned[group, insert] = reverse_complement(windows[group, insert])
    return turned


def _adapters(construct: Construct) -> int:
    return len(construct.left_adapter) + len(construct.right_adapter)


def _held_adapters(windows: np.ndarray, given: int, construct: Construct) -> np.ndarray:
    """bool (n,): whether sequences of `given` letters had their adapters: then the flanks stand around a shorter insert."""
    length = given - _adapters(construct)
    if length < construct.shortest or not _adapters(construct):
        return np.zeros(len(windows), bool)
    template, insert = _frame(construct, length)
    around = np.ones(len(template), bool)
    around[insert] = False
    return (windows[:, around] == template[around]).all(1)


class _Frame(NamedTuple):
    """A window around an insert: its letters in upper case, and the columns that the insert fills."""

    template: np.ndarray
    insert: slice


@lru_cache(maxsize=1024)
def _frame(construct: Construct, length: int) -> _Frame:
    ones, others = construct.windows(Ragged.from_strings(["A" * length, "C" * length]))
    filled = np.flatnonzero(ones != others)
    return _Frame(_PLAIN[ones], slice(int(filled[0]), int(filled[-1]) + 1))


def _hash(windows: np.ndarray) -> np.ndarray:
    """uint64 (n,): a mixture of 8 letters at a time, summed; numbers from splitmix64 (Steele, Lea and Flood 2014)."""
    padded = np.zeros((len(windows), -(-windows.shape[1] // WORD) * WORD), np.uint8)
    padded[:, : windows.shape[1]] = windows
    words = padded.view("<u8").astype(np.uint64)
    words += np.arange(1, words.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        words ^= words >> np.uint64(shift)
        words *= np.uint64(factor)
    words ^= words >> np.uint64(31)
    return words.sum(1, dtype=np.uint64)
