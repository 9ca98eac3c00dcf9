"""Scores each distinct window once and reuses its predictions. Batches are processed as arrays, without a Python object for each row."""

import numpy as np

from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.row_keys import row_keys

__all__ = ["KEPT", "DistinctScorer", "distinct_rows", "window_keys"]

KEPT = 1 << 23
"""Maximum total length, in bases, of the windows that are kept in memory with their predictions.

The limit corresponds to about 55,000 windows of yeast promoters.
"""


class DistinctScorer:
    """Scorer that keeps the latest windows and their predictions, so that a repeated window is not scored again.

    For example, a table of barcodes may contain each insert many times.

    Args:
        scorer: The scorer that predicts new windows.
        kept: Maximum total length of the kept windows, in bases.
    """

    def __init__(self, scorer: Scorer, kept: int = KEPT) -> None:
        self._scorer = scorer
        rows = kept // sum(construct.length for construct in scorer.constructs)
        # In this ring buffer, the newest windows replace the oldest. A row uses no memory until a window is written to it.
        self._windows = [np.empty((rows, construct.length), np.uint8) for construct in scorer.constructs]
        self._keys = np.empty(rows, np.uint64)
        self._values = np.empty((rows, len(scorer.predicted_columns)), np.float32)
        self._written = 0
        self._order = np.empty(0, np.int64)

    def score(self, windows: list[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Returns the predictions for n windows, float32 (n, predicted columns). See `Scorer.score_windows` for the arguments.

        The numbers passed to `progress` include repeated windows.
        """
        keys = window_keys(windows)
        found = distinct_rows(windows, keys)
        if found is None:
            return self._scorer.score_windows(windows, batch_size, progress)
        first, places = found
        rows = self._known(keys[first], [letters[first] for letters in windows])
        asked = first[rows < 0]
        fresh = [letters[asked] for letters in windows]
        values = np.empty((len(first), len(self._scorer.predicted_columns)), np.float32)
        values[rows >= 0] = self._values[rows[rows >= 0]]
        values[rows < 0] = self._scorer.score_windows(fresh, batch_size, progress)
        self._keep(keys[asked], fresh, values[rows < 0])
        if progress and len(asked) < len(keys):
            progress(len(keys) - len(asked))
        return values[places]

    def _known(self, keys: np.ndarray, windows: list[np.ndarray]) -> np.ndarray:
        """Returns, for each window, the row of the buffer that contains the window, or -1 if no row contains it, int64 (n,)."""
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
    """Finds the distinct rows of arrays, like `numpy.unique` with `return_index` and `return_inverse`.

    Args:
        windows: One or several arrays of windows, uint8 (n, length). Two rows are equal if they are equal in every array.
        keys: Hash of each row, as returned by `window_keys`.

    Returns:
        Two arrays. The first array, int64 (distinct,), contains the index of the first occurrence of each distinct row, in ascending order.
        The second array, int64 (n,), gives the distinct row that is equal to each row, as an index in the first array. The result is
        None if two distinct rows have the same key.

    Example:
        >>> windows = [np.array([[65], [67], [65]], np.uint8)]
        >>> first, places = distinct_rows(windows, window_keys(windows))
        >>> first.tolist(), places.tolist()
        ([0, 1], [0, 1, 0])
    """
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    if len(first) < len(keys) and not all((letters == letters[first][places]).all() for letters in windows):
        return None  # In the very rare case that two distinct rows have the same key, the caller scores every row.
    order = np.argsort(first)
    return first[order], np.argsort(order)[places]


def window_keys(windows: list[np.ndarray]) -> np.ndarray:
    """Returns a hash of each row, computed from all arrays, uint64 (n,).

    Equal rows have equal hashes, and different rows very rarely have equal hashes.
    """
    keys, before = np.zeros(len(windows[0]), np.uint64), 0
    for letters in windows:
        keys += row_keys(letters, before)
        before += letters.shape[1]  # 8-letter groups of different arrays thus have different numbers
    return keys
