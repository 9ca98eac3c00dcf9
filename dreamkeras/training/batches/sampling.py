"""Selects and orders the examples of an epoch.

By default, an epoch contains each example once. For windows of a genome, an epoch contains all peaks and a new random sample of non-peaks.
With balancing, an epoch contains equally many examples from each bin of target values.
"""

import numpy as np

__all__ = ["BINS", "Bins", "epoch_order", "epoch_rows", "epoch_size"]

BINS = 18
"""Number of bins of equal width between the lowest and the highest target, as in the sorting of the yeast assay."""


class Bins:
    """Bins of examples with similar targets. Examples are drawn equally often from each bin.

    Args:
        targets: float (n, tasks). The values of each task are scaled to the range from 0 to 1. The mean of an example's scaled values
            determines its bin. Examples without any target form a separate bin, and empty bins are omitted.
    """

    def __init__(self, targets: np.ndarray) -> None:
        bins = _bins(targets)
        self.members = np.argsort(bins, kind="stable")
        _, self.starts, self.counts = np.unique(bins[self.members], return_index=True, return_counts=True)

    def draw(self, size: int, generator: np.random.Generator) -> np.ndarray:
        """Draws row numbers with replacement, int (size,), in random order.

        The numbers of rows drawn from each bin differ by at most one.
        """
        bins = generator.permutation(np.arange(size) % len(self.counts))
        within = (generator.random(size) * self.counts[bins]).astype(np.int64)
        return self.members[self.starts[bins] + within]


def epoch_size(is_peak: np.ndarray, ratio: float) -> int:
    """Returns the number of examples that `epoch_rows` selects.

    Example:
        >>> epoch_size(np.array([True, True, True, True, False, False]), 0.25)
        5
    """
    peaks = int(is_peak.sum())
    return peaks + min(round(ratio * peaks), len(is_peak) - peaks) if peaks else len(is_peak)


def epoch_rows(is_peak: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """Returns the row numbers of all peaks and of randomly drawn non-peaks, int (rows,). If there are no peaks, all rows are selected.

    Args:
        is_peak: bool (n,).
        ratio: Number of non-peaks to draw for each peak, up to the total number of non-peaks.
        generator: Random generator.
    """
    peaks, others = np.flatnonzero(is_peak), np.flatnonzero(~is_peak)
    if not len(peaks):
        return others
    return np.concatenate([peaks, generator.choice(others, epoch_size(is_peak, ratio) - len(peaks), replace=False)])


def epoch_order(n: int, turned: bool, bins: Bins | None, generator: np.random.Generator) -> np.ndarray:
    """Returns the indices of the examples in the order of an epoch. Index n + i is the reverse complement of example i.

    Args:
        n: Number of examples.
        turned: Whether reverse complements are additional examples.
        bins: Bins from which examples are drawn equally often. If None, each example is used once.
        generator: Random generator.
    """
    if bins is None:
        return generator.permutation(2 * n if turned else n)
    if not turned:
        return bins.draw(n, generator)
    return bins.draw(2 * n, generator) + n * generator.permutation(np.arange(2 * n) % 2)


def _bins(targets: np.ndarray) -> np.ndarray:
    """Returns the bin of each example, int (n,), counted from 0. Examples without any target are in bin -1."""
    lowest, highest = np.nanmin(targets, axis=0), np.nanmax(targets, axis=0)
    scaled = (targets - lowest) / np.where(highest > lowest, highest - lowest, 1)
    present = ~np.isnan(scaled)
    mean = np.where(present, scaled, 0).sum(1) / np.maximum(present.sum(1), 1)
    return np.where(present.any(1), np.minimum((mean * BINS).astype(np.int64), BINS - 1), -1)
