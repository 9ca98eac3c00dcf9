"""Computes hash keys by which windows with the same DNA are found: a key for each strand, and a key that is equal for both strands."""

import numpy as np

from dreamkeras.data.splits.inserts import Inserts, find_inserts
from dreamkeras.sequence.alphabet import PLAIN, reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.row_keys import row_keys

__all__ = ["duplex_keys", "strand_keys"]

CHUNK = 16384


def duplex_keys(letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None) -> np.ndarray:
    """Returns a key for each window, uint64 (n,). Keys ignore case, treat U as T, and are equal for an insert and its reverse complement.

    Adapters and flanks keep their orientation, so only the insert is reverse-complemented. Without a construct, the insert is the
    complete window.

    Args:
        letters: Windows, uint8 (n, length).
        lengths: Number of bases of each sequence in the data file, with or without adapters, int (n,). Required with a construct.
        construct: Construct of the windows. None if unknown.

    Example:
        >>> windows = np.frombuffer(b"AACGCGTTaacc", np.uint8).reshape(3, 4)
        >>> keys = duplex_keys(windows)
        >>> bool(keys[0] == keys[1]), bool(keys[0] == keys[2])
        (True, False)
    """
    given, turned = strand_keys(find_inserts(letters, lengths, construct))
    return given + turned


def strand_keys(inserts: Inserts) -> tuple[np.ndarray, np.ndarray]:
    """Returns 64-bit keys of windows, and 64-bit keys of the same windows with reverse-complemented inserts.

    Returns:
        Two arrays, uint64 (n,): the keys of the windows as given, and the keys with reverse-complemented inserts.
    """
    given, turned = np.empty((2, len(inserts.letters)), np.uint64)
    for start in range(0, len(given), CHUNK):
        rows = slice(start, start + CHUNK)
        windows = PLAIN[inserts.letters[rows]]
        given[rows] = row_keys(windows)
        turned[rows] = row_keys(_turned(windows, inserts.starts[rows], inserts.stops[rows]))
    return given, turned


def _turned(windows: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Returns the windows, uint8, with their inserts reverse-complemented."""
    turned = windows.copy()
    spans, which = np.unique(starts.astype(np.int64) << 32 | stops, return_inverse=True)
    for number, span in enumerate(spans.tolist()):
        rows, insert = np.flatnonzero(which == number), slice(span >> 32, span & 0xFFFFFFFF)
        turned[rows, insert] = reverse_complement(windows[rows, insert])
    return turned
