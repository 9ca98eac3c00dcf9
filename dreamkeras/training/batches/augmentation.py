"""Augments examples, one batch at a time: shifts windows, masks and mutates bases, and adds noise to targets.

All functions take NumPy arrays and return new arrays. Functions with random results take a random generator as an argument.
"""

from typing import Literal, NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import BASE_INDEX, BASES, IS_BASE, N

__all__ = ["Augmentation", "choose_bases", "cut", "jitter", "mutate", "slide"]


def _exchange_table() -> np.ndarray:
    """Returns a table of the three other bases for each base, uint8 (3, 256). Codes that are not bases map to themselves."""
    table = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    for code in np.flatnonzero(IS_BASE):
        base = int(BASE_INDEX[code])
        table[:, code] = [ord(BASES[(base + step) % 4]) for step in (1, 2, 3)]
    return table


EXCHANGE = _exchange_table()


class Augmentation(NamedTuple):
    """Settings for the augmentation of the examples in a batch.

    Args:
        strands: With `"augment"`, the reverse complement of each window is a separate example. With `"pair"`, each window and its reverse
            complement are in the same batch. With `"given"`, reverse complements are not used.
        slide: Maximum shift of a window in bases, in either direction.
        jitter: Standard deviation of the noise added to the targets of sequences that were measured in a single read or cell (singletons),
            in the units of the assay.
        mask: Fraction of bases that are replaced by `N`.
        mutate: Fraction of bases that are replaced by another base.
        balance: Whether to draw examples equally often from all bins of target values. See `sampling`.
        truths: Names of the auxiliary outputs of the network, which are keys of `layers.parts.auxiliary.KINDS`. The true values of these
            outputs are added to the targets.
        nonpeak_ratio: Number of non-peaks per peak in an epoch, for windows of a genome.
    """

    strands: Literal["augment", "pair", "given"] = "augment"
    slide: int = 0
    jitter: float = 0.0
    mask: float = 0.0
    mutate: float = 0.0
    balance: bool = False
    truths: tuple[str, ...] = ()
    nonpeak_ratio: float = 0.0


def cut(values: np.ndarray, length: int, starts: np.ndarray) -> np.ndarray:
    """Extracts `length` values from each row of an array (n, width), beginning at `starts` (n,)."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=1)[np.arange(len(values)), starts]


def slide(letters: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Shifts each window by a uniformly random number of bases from -most to most, and fills the gap with `N`.

    Args:
        letters: uint8 (n, length).
        most: Maximum shift in bases, at least 0 and below the length of the window.
        generator: Random generator.
    """
    padded = np.pad(letters, ((0, 0), (most, most)), constant_values=N)
    return cut(padded, letters.shape[1], generator.integers(0, 2 * most + 1, len(letters)))


def choose_bases(letters: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Selects each base independently with probability `share`, bool (n, length). Letters other than A, C, G and T are never selected."""
    return (generator.random(letters.shape, np.float32) < share) & IS_BASE[letters]


def mutate(letters: np.ndarray, chosen: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Replaces each chosen base by one of the three other bases with equal probability.

    Args:
        letters: uint8 (n, length).
        chosen: bool (n, length), True only at bases.
        generator: Random generator.
    """
    exchanged = letters.copy()
    exchanged[chosen] = EXCHANGE[generator.integers(0, 3, np.count_nonzero(chosen)), letters[chosen]]
    return exchanged


def jitter(targets: np.ndarray, singletons: np.ndarray, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Adds normal noise to the targets of singletons, which were measured in a single cell.

    Args:
        targets: float32 (n, tasks).
        singletons: bool (n,), whether each example is a singleton.
        deviation: Standard deviation of the noise, in the units of the assay.
        generator: Random generator.
    """
    noise = generator.standard_normal(targets.shape, np.float32)
    return targets + np.float32(deviation) * noise * singletons[:, None]
