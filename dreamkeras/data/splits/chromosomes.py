"""Splits genomic windows by chromosome, and finds overlaps between two sets of windows by their ids."""

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.genome.regions import Regions

__all__ = ["held_chromosomes", "shared_windows"]

MOST = 1.25
"""Largest held-out share, as a multiple of the requested share. A chromosome is skipped if the share would exceed this maximum."""


def held_chromosomes(ids: list[str], fraction: float, seed: int = 0) -> np.ndarray:
    """Selects complete chromosomes to hold out, so that no held-out window overlaps a window of the training data.

    At least one chromosome is held out, and at least one remains for training. Chromosomes are considered in random order, and the held-out
    share approximates the requested share.

    Args:
        ids: Names of n windows, such as `chr1:0-9`.
        fraction: Share of the windows to hold out.
        seed: Random seed.

    Returns:
        Whether each window is held out, bool (n,).

    Raises:
        InputError: All windows are on one chromosome.

    Example:
        >>> held_chromosomes(["chr1:0-9", "chr1:5-14", "chr2:0-9", "chr2:5-14", "chr3:0-9"], 0.2).tolist()
        [False, False, False, False, True]
    """
    names, group, counts = np.unique([name.rpartition(":")[0] for name in ids], return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError(
            f"Expected windows on two or more chromosomes, so that one can be held out, got {', '.join(names) or 'no windows'}."
        )
    wanted, held, total = fraction * len(ids), np.zeros(len(names), bool), 0
    order = np.random.default_rng(seed).permutation(len(names))
    for one in order:
        grown = total + counts[one]
        if abs(grown - wanted) < abs(total - wanted) and grown <= MOST * wanted and held.sum() < len(names) - 1:
            held[one], total = True, grown
    if not held.any():
        held[order[np.argmin(counts[order])]] = True
    return held[group]


def shared_windows(known: list[str], asked: list[str]) -> np.ndarray:
    """Returns whether each window in `asked` overlaps a window in `known`, bool (len(asked),).

    Example:
        >>> shared_windows(["chr1:100-200"], ["chr1:199-299", "chr1:200-300", "chr2:100-200"]).tolist()
        [True, False, False]
    """
    return _regions(asked).overlapping(_regions(known))


def _regions(ids: list[str]) -> Regions:
    """Converts ids such as `chr1:0-9` to regions."""
    contigs, _, places = zip(*(name.rpartition(":") for name in ids), strict=True) if ids else ((), (), ())
    starts, ends = np.array([place.split("-") for place in places], np.int64).reshape(-1, 2).T
    return Regions(list(contigs), starts, ends, starts + (ends - starts) // 2)
