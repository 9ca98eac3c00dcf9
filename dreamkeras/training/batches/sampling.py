"""Which examples an epoch holds, in which order: each once, fresh non-peaks, or every bin of the targets equally often."""

import numpy as np

__all__ = ["BINS", "Bins", "epoch_order", "epoch_rows", "epoch_size"]

BINS = 18
"""Bins of equal width between the lowest and the highest target; as many as the yeast assay was sorted into."""


class Bins:
    """Examples by bins of their targets, to draw from each bin equally often.

    Args:
        targets: float (n, tasks); an example's bin is that of its mean over tasks, each scaled to its own range. Examples without any
            target are a bin of their own, and empty bins are left out.
    """

    def __init__(self, targets: np.ndarray) -> None:
        bins = _bins(targets)
        self.members = np.argsort(bins, kind="stable")
        _, self.starts, self.counts = np.unique(bins[self.members], return_index=True, return_counts=True)

    def draw(self, size: int, generator: np.random.Generator) -> np.ndarray:
        """int (size,): rows drawn with replacement, in random order; the bins' numbers differ by one at most."""
        bins = generator.permutation(np.arange(size) % len(self.counts))
        within = (generator.random(size) * self.counts[bins]).astype(np.int64)
        return self.members[self.starts[bins] + within]


def epoch_size(is_peak: np.ndarray, ratio: float) -> int:
    """How many examples `epoch_rows` takes.

    Example:
        >>> epoch_size(np.array([True, True, True, True, False, False]), 0.25)
        5
    """
    peaks = int(is_peak.sum())
    return peaks + min(round(ratio * peaks), len(is_peak) - peaks) if peaks else len(is_peak)


def epoch_rows(is_peak: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """int (rows,): every peak, and other non-peaks each time; all there is where there are no peaks.

    Args:
        is_peak: bool (n,).
        ratio: Non-peaks for each peak, where there are so many.
        generator: Of the draws.
    """
    peaks, others = np.flatnonzero(is_peak), np.flatnonzero(~is_peak)
    if not len(peaks):
        return others
    return np.concatenate([peaks, generator.choice(others, epoch_size(is_peak, ratio) - len(peaks), replace=False)])


def epoch_order(n: int, turned: bool, bins: Bins | None, generator: np.random.Generator) -> np.ndarray:
    """The examples of an epoch by index; from n on, the other strand of the one that many before.

    Args:
        n: Examples.
        turned: Whether other strands are examples, too.
        bins: To draw from, as often as there are examples; None takes each example once.
        generator: Of the draws.
    """
    if bins is None:
        return generator.permutation(2 * n if turned else n)
    if not turned:
        return bins.draw(n, generator)
    return bins.draw(2 * n, generator) + n * generator.permutation(np.arange(2 * n) % 2)


def _bins(targets: np.ndarray) -> np.ndarray:
    """int (n,): from 0 on; -1 without any target."""
    lowest, highest = np.nanmin(targets, axis=0), np.nanmax(targets, axis=0)
    scaled = (targets - lowest) / np.where(highest > lowest, highest - lowest, 1)
    present = ~np.isnan(scaled)
    mean = np.where(present, scaled, 0).sum(1) / np.maximum(present.sum(1), 1)
    return np.where(present.any(1), np.minimum((mean * BINS).astype(np.int64), BINS - 1), -1)
