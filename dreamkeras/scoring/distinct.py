"""Asks a scorer about each different window once, however often it comes; whole batches at once, no row becomes an object."""

import numpy as np

from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.row_keys import row_keys

__all__ = ["KEPT", "DistinctScorer", "distinct_rows", "window_keys"]

KEPT = 1 << 23
"""Letters of windows that are kept with their values: 55,000 promoters, such as the inserts that a table of barcodes repeats."""


class DistinctScorer:
    """A scorer that remembers the last windows, of at most so many letters, and their values."""

    def __init__(self, scorer: Scorer, kept: int = KEPT) -> None:
        self._scorer = scorer
        rows = kept // sum(construct.length for construct in scorer.constructs)
        # A ring: memory is used as it fills, and the newest take the place of the oldest.
        self._windows = [np.empty((rows, construct.length), np.uint8) for construct in scorer.constructs]
        self._keys = np.empty(rows, np.uint64)
        self._values = np.empty((rows, len(scorer.columns)), np.float32)
        self._written = 0
        self._order = np.empty(0, np.int64)

    def score(self, windows: list[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, columns); takes what `Scorer.score_windows` does, and tells `progress` of all n."""
        keys = window_keys(windows)
        found = distinct_rows(windows, keys)
        if found is None:
            return self._scorer.score_windows(windows, batch_size, progress)
        first, places = found
        rows = self._known(keys[first], [letters[first] for letters in windows])
        asked = first[rows < 0]
        fresh = [letters[asked] for letters in windows]
        values = np.empty((len(first), len(self._scorer.columns)), np.float32)
        values[rows >= 0] = self._values[rows[rows >= 0]]
        values[rows < 0] = self._scorer.score_windows(fresh, batch_size, progress)
        self._keep(keys[asked], fresh, values[rows < 0])
        if progress and len(asked) < len(keys):
            progress(len(keys) - len(asked))
        return values[places]

    def _known(self, keys: np.ndarray, windows: list[np.ndarray]) -> np.ndarray:
        """int64 (n,): the row of each window among those that are kept; -1 where it is not."""
        if not len(self._order):
            return np.full(len(keys), -1)
        places = np.searchsorted(self._keys[: len(self._order)], keys, sorter=self._order)
        rows = self._order[np.minimum(places, len(self._order) - 1)]
        same = self._keys[rows] == keys
        for kept, letters in zip(self._windows, windows, strict=True):
            same[same] = (kept[rows[same]] == letters[same]).all(axis=1)
        return np.where(same, rows, -1)

    def _keep(self, keys: np.ndarray, windows: list[np.ndarray], values: np.ndarray) -> None:
        room = len(self._keys)
        newest = slice(max(0, len(keys) - room), None)
        places = np.arange(self._written, self._written + len(keys))[newest] % max(room, 1)
        columns: list[tuple[np.ndarray, np.ndarray]] = [
            (self._keys, keys),
            (self._values, values),
            *zip(self._windows, windows, strict=True),
        ]
        for kept, new in columns:
            kept[places] = new[newest]
        self._written += len(keys)
        self._order = np.argsort(self._keys[: min(self._written, room)])


def distinct_rows(windows: list[np.ndarray], keys: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The first of each of the different rows, and where every row's stands among those.

    Args:
        windows: One or several arrays uint8 (n, length); rows are the same where they are in all of them.
        keys: Their `window_keys`.

    Returns:
        int64 (different,), rows in ascending order, and int64 (n,), places in it; None where different rows have one key.

    Example:
        >>> windows = [np.array([[65], [67], [65]], np.uint8)]
        >>> first, places = distinct_rows(windows, window_keys(windows))
        >>> first.tolist(), places.tolist()
        ([0, 1], [0, 1, 0])
    """
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    if len(first) < len(keys) and not all((letters == letters[first][places]).all() for letters in windows):
        return None  # rarer than a broken disk: then each row is asked for
    order = np.argsort(first)
    return first[order], np.argsort(order)[places]


def window_keys(windows: list[np.ndarray]) -> np.ndarray:
    """uint64 (n,): numbers that are the same for rows that are the same in all arrays, and for hardly any others."""
    keys, before = np.zeros(len(windows[0]), np.uint64), 0
    for letters in windows:
        keys += row_keys(letters, before)
        before += letters.shape[1]  # its words are fewer
    return keys
