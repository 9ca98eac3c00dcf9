"""Where the insert of each window stands: the letters that differ between sequences, without adapters and flanks.

Knows what a construct puts around an insert, and finds constant ends that no construct names.
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
"""Windows from which on a common end is a flank: the ends of fewer may be alike because the sequences are."""

NEARLY_ALL = 0.9


class Inserts(NamedTuple):
    """Windows and the columns of each that its insert fills.

    Args:
        letters: uint8 (n, length), windows.
        starts: int32 (n,), column of each insert's first letter.
        stops: int32 (n,), column behind its last.
    """

    letters: np.ndarray
    starts: np.ndarray
    stops: np.ndarray

    def within(self) -> np.ndarray:
        """bool (n, length): which letters are those of the insert."""
        columns = np.arange(self.letters.shape[1])
        return (columns >= self.starts[:, None]) & (columns < self.stops[:, None])


def find_inserts(letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None) -> Inserts:
    """The inserts of windows, uint8 (n, length); the whole windows where the construct is unknown.

    `lengths`, int (n,), are those of the given sequences, with both adapters or bare; needed with a construct.
    """
    starts, stops = np.zeros(len(letters), np.int32), np.full(len(letters), letters.shape[1], np.int32)
    if construct is not None and lengths is not None:
        for start in range(0, len(letters), CHUNK):
            rows = slice(start, start + CHUNK)
            starts[rows], stops[rows] = _spans(letters[rows], lengths[rows], construct)
    return Inserts(letters, starts, stops)


def constant_ends(inserts: Inserts) -> tuple[bytes, bytes]:
    """Letters, in upper case, at the beginning and at the end of nearly all inserts: flanks that no construct names.

    Empty without such ends, and for fewer than 100 inserts, which may be alike by nature.
    """
    if len(inserts.letters) < FEWEST:
        return b"", b""
    room = int((inserts.stops - inserts.starts).min())
    left = _common(inserts, inserts.starts, 1, room)
    return left, _common(inserts, inserts.stops - 1, -1, room - len(left))[::-1]


def without_ends(inserts: Inserts, ends: tuple[bytes, bytes]) -> Inserts:
    """The inserts without these ends, where they have them and something between."""
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
    """The letters that nearly all inserts have from these columns on."""
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
    """The columns where the inserts of sequences of these lengths begin and end."""
    adapters = len(construct.left_adapter) + len(construct.right_adapter)
    spans = np.empty((2, len(windows)), np.int32)
    for given in np.unique(lengths):  # a measured library has few lengths
        rows = np.flatnonzero(lengths == given)
        adapted = _held_adapters(windows[rows], int(given) - adapters, construct)
        for group, length in ((rows[adapted], int(given) - adapters), (rows[~adapted], int(given))):
            if len(group):
                spans[:, group] = np.array(_frame(construct, length)[1])[:, None]
    return spans[0], spans[1]


def _held_adapters(windows: np.ndarray, length: int, construct: Construct) -> np.ndarray:
    """bool (n,): whether sequences had adapters around `length` letters: then the flanks stand around a shorter insert."""
    if length < construct.shortest or not construct.left_adapter + construct.right_adapter:
        return np.zeros(len(windows), bool)
    template, (start, stop) = _frame(construct, length)
    around = np.ones(len(template), bool)
    around[start:stop] = False
    return (PLAIN[windows[:, around]] == template[around]).all(1)


@lru_cache(maxsize=1024)
def _frame(construct: Construct, length: int) -> tuple[np.ndarray, tuple[int, int]]:
    """A window around an insert: its letters in upper case, and the columns that the insert fills."""
    ones, others = construct.windows(Ragged.from_strings(["A" * length, "C" * length]))
    filled = np.flatnonzero(ones != others)
    return PLAIN[ones], (int(filled[0]), int(filled[-1]) + 1)
