"""Windows of a genome by their ids: which chromosomes to hold out, and which windows of two sets overlap."""

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.genome.regions import Regions

__all__ = ["held_chromosomes", "shared_windows"]

MOST = 1.25
"""How many times the wanted share may be held out, where smaller chromosomes could make up a nearer one."""


def held_chromosomes(ids: list[str], fraction: float, seed: int = 0) -> np.ndarray:
    """bool (n,): which windows to hold out: those of whole chromosomes, so that no held-out window overlaps another.

    At least one is held out, and at least one is not. The share is met about as nearly as chromosomes, taken in an order drawn by the
    seed, allow.

    Raises:
        InputError: All windows are on one chromosome.

    Example:
        >>> held_chromosomes(["chr1:0-9", "chr1:5-14", "chr2:0-9", "chr2:5-14", "chr3:0-9"], 0.2).tolist()
        [False, False, False, False, True]
    """
    names, group, counts = np.unique([name.rpartition(":")[0] for name in ids], return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError(f"Expected windows on two chromosomes or more to hold one out, got {len(ids)} on {', '.join(names) or 'none'}.")
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
    """bool (len(asked),): whether each window shares a position with any of the known ones.

    Example:
        >>> shared_windows(["chr1:100-200"], ["chr1:199-299", "chr1:200-300", "chr2:100-200"]).tolist()
        [True, False, False]
    """
    return _regions(asked).overlapping(_regions(known))


def _regions(ids: list[str]) -> Regions:
    """The windows that ids name."""
    contigs, _, places = zip(*(name.rpartition(":") for name in ids), strict=True) if ids else ((), (), ())
    starts, ends = np.array([place.split("-") for place in places], np.int64).reshape(-1, 2).T
    return Regions(list(contigs), starts, ends, starts + (ends - starts) // 2)
