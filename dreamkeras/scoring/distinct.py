"""Which rows of a batch are different, so that none is asked for twice; whole batches at once, no row becomes an object."""

import numpy as np

__all__ = ["distinct_rows"]

_WORD = 8


def distinct_rows(windows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """The first of each of the different rows, and where every row's stands among those.

    Args:
        windows: One or several arrays uint8 (n, length); rows are the same where they are in all of them.

    Returns:
        int64 (different,), rows in ascending order, and int64 (n,), places in it; None where all are different.

    Example:
        >>> first, places = distinct_rows([np.array([[65], [67], [65]], np.uint8)])
        >>> first.tolist(), places.tolist()
        ([0, 1], [0, 1, 0])
    """
    rows = len(windows[0])
    keys = np.zeros(rows, np.uint64)
    for place, letters in enumerate(windows):
        keys += _keys(letters, place)
    different, first, places = np.unique(keys, return_index=True, return_inverse=True)
    if len(different) == rows or not all((letters == letters[first][places]).all() for letters in windows):
        return None  # two rows of one key are rarer than a broken disk: then each is asked for
    order = np.argsort(first)
    return first[order], np.argsort(order)[places]


def _keys(letters: np.ndarray, seed: int) -> np.ndarray:
    """uint64 (n,): a sum of the row's words, each times a number of its own."""
    rows, length = letters.shape
    padded = np.zeros((rows, -(-length // _WORD) * _WORD), np.uint8)
    padded[:, :length] = letters
    words = padded.view(np.uint64)
    factors = np.random.default_rng(seed).integers(1, 1 << 63, words.shape[1], np.uint64) * np.uint64(2) + np.uint64(1)
    mixed = words * factors
    mixed ^= mixed >> np.uint64(29)  # high bits of a product depend on all letters, low ones on the first alone
    return (mixed * np.uint64(0x9E3779B97F4A7C15)).sum(axis=1, dtype=np.uint64)
