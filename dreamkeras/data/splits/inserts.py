"""Finds the inserts of windows. An insert is the part of a window between the adapters and flanks of the construct.

Constant ends of the inserts, such as adapters that the construct does not name, can also be found and removed.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import PLAIN
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["Inserts", "constant_ends", "find_inserts", "without_ends"]

CHUNK = 16384

FEWEST = 100
"""Minimum number of windows for the detection of constant ends. In a smaller set, equal ends may be due to similar sequences."""

NEARLY_ALL = 0.9


class Inserts(NamedTuple):
    """Windows, and the positions at which the insert starts and stops in each window.

    Args:
        letters: Windows, uint8 (n, length).
        starts: Column of the first base of each insert, int32 (n,).
        stops: Column after the last base of each insert, int32 (n,).
    """

    letters: np.ndarray
    starts: np.ndarray
    stops: np.ndarray

    def within(self) -> np.ndarray:
        """Returns whether each letter belongs to the insert, bool (n, length)."""
        columns = np.arange(self.letters.shape[1])
        return (columns >= self.starts[:, None]) & (columns < self.stops[:, None])


def find_inserts(letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None) -> Inserts:
    """Finds the inserts of windows. If the construct is unknown, an insert is the complete window.

    Args:
        letters: Windows, uint8 (n, length).
        lengths: Number of bases of each sequence in the data file, with or without adapters, int (n,). Required with a construct.
        construct: Construct of the windows. None if unknown.
    """
    starts, stops = np.zeros(len(letters), np.int32), np.full(len(letters), letters.shape[1], np.int32)
    if construct is not None and lengths is not None:
        for start in range(0, len(letters), CHUNK):
            rows = slice(start, start + CHUNK)
            starts[rows], stops[rows] = _spans(letters[rows], lengths[rows], construct)
    return Inserts(letters, starts, stops)


def constant_ends(inserts: Inserts) -> tuple[bytes, bytes]:
    """Finds the sequences, in upper case, with which nearly all inserts begin and end, such as flanks that the construct does not name.

    The sequences are empty if inserts have no common ends, or if there are fewer than `FEWEST` inserts.
    """
    if len(inserts.letters) < FEWEST:
        return b"", b""
    room = int((inserts.stops - inserts.starts).min())
    left = _common(inserts, inserts.starts, 1, room)
    return left, _common(inserts, inserts.stops - 1, -1, room - len(left))[::-1]


def without_ends(inserts: Inserts, ends: tuple[bytes, bytes]) -> Inserts:
    """Returns the inserts without the given ends. Inserts that lack one of the ends, or have no bases between the ends, are unchanged."""
    left, right = (np.frombuffer(end, np.uint8) for end in ends)
    starts, stops = inserts.starts.copy(), inserts.stops.copy()
    rows = np.flatnonzero(stops - starts > len(left) + len(right))
    for end, columns in ((left, starts), (right, stops - len(right))):
        for offset, letter in enumerate(end):
            rows = rows[PLAIN[inserts.letters[rows, columns[rows] + offset]] == letter]
    starts[rows] += len(left)
    stops[rows] -= len(right)
    return Inserts(inserts.letters, starts, stops)


def _common(inserts: Inserts, columns: np.ndarray, step: int, room: int) -> bytes:
    """Returns the bases that nearly all inserts share, from a given column of each window to the right (`step` 1) or left (`step` -1)."""
    shown, rows = bytearray(), np.arange(len(columns))
    while len(shown) < room:
        letters = PLAIN[inserts.letters[rows, columns[rows] + step * len(shown)]]
        letter = int(np.bincount(letters).argmax())
        rows = rows[letters == letter]
        if len(rows) < NEARLY_ALL * len(columns):
            break
        shown.append(letter)
    return bytes(shown)


def _spans(windows: np.ndarray, lengths: np.ndarray, construct: Construct) -> tuple[np.ndarray, np.ndarray]:
    """Returns the column of the first base of each insert, and the column after the last base.

    Args:
        windows: Windows, uint8 (n, length).
        lengths: Number of bases of each sequence in the data file, int (n,).
        construct: Construct of the windows.
    """
    adapters = len(construct.left_adapter) + len(construct.right_adapter)
    spans = np.empty((2, len(windows)), np.int32)
    for given in np.unique(lengths):  # a library has few distinct sequence lengths
        rows = np.flatnonzero(lengths == given)
        adapted = _held_adapters(windows[rows], int(given) - adapters, construct)
        for group, length in ((rows[adapted], int(given) - adapters), (rows[~adapted], int(given))):
            if len(group):
                spans[:, group] = np.array(_frame(construct, length)[1])[:, None]
    return spans[0], spans[1]


def _held_adapters(windows: np.ndarray, length: int, construct: Construct) -> np.ndarray:
    """Returns whether each window has the adapters and flanks of an insert of `length` bases, bool (n,).

    If the adapters are at the places that fit this length, the sequence in the data file included the adapters.
    """
    if length < construct.shortest or not construct.left_adapter + construct.right_adapter:
        return np.zeros(len(windows), bool)
    template, (start, stop) = _frame(construct, length)
    around = np.ones(len(template), bool)
    around[start:stop] = False
    return (PLAIN[windows[:, around]] == template[around]).all(1)


@lru_cache(maxsize=1024)
def _frame(construct: Construct, length: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Returns the window around an insert of a given length, in upper case, and the start and stop columns of the insert."""
    ones, others = construct.windows(Ragged.from_strings(["A" * length, "C" * length]))
    filled = np.flatnonzero(ones != others)
    return PLAIN[ones], (int(filled[0]), int(filled[-1]) + 1)
