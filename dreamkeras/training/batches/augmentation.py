"""What training changes in examples, a batch at a time: slid windows, masked and exchanged letters, jittered targets.

NumPy arrays in, new arrays out; every function draws from the generator that it is given.
"""

from typing import Literal, NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import BASE_INDEX, BASES, IS_BASE, N

__all__ = ["Augmentation", "choose_bases", "cut", "jitter", "mutate", "slide"]


def _exchange_table() -> np.ndarray:
    """uint8 (3, 256): the three other bases of a base; other codes map to themselves."""
    table = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    for code in np.flatnonzero(IS_BASE):
        base = int(BASE_INDEX[code])
        table[:, code] = [ord(BASES[(base + step) % 4]) for step in (1, 2, 3)]
    return table


EXCHANGE = _exchange_table()


class Augmentation(NamedTuple):
    """How examples become rows of batches.

    Args:
        strands: `"augment"`: the other strand of each window is a row like any other; `"pair"`: every window comes with its other
            strand in the same batch; `"given"`: windows come as they are.
        slide: Most letters that a window is slid by, either way.
        jitter: Standard deviation of the noise on the targets of singletons, in the assay's units.
        mask: Share of the bases that become `N`.
        mutate: Share of the bases that become another base.
        balance: Whether every bin of the targets comes equally often, see `sampling`.
        truths: Keys of `layers.parts.auxiliary.KINDS` that the network answers: what they are compared with comes beside the targets.
        nonpeak_ratio: Non-peaks that an epoch has for each peak, where examples are of a genome.
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
    """Of each row of (n, any) the `length` values from its start (n,) on."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=1)[np.arange(len(values)), starts]


def slide(letters: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Each window slid by -most to most letters, all equally likely; what leaves is lost and `N` enters.

    Args:
        letters: uint8 (n, length).
        most: 0 or more, below the length.
        generator: Of the draws.
    """
    padded = np.pad(letters, ((0, 0), (most, most)), constant_values=N)
    return cut(padded, letters.shape[1], generator.integers(0, 2 * most + 1, len(letters)))


def choose_bases(letters: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """bool (n, length): a share of the bases, each drawn by itself; never N or another code that is not one base."""
    return (generator.random(letters.shape, np.float32) < share) & IS_BASE[letters]


def mutate(letters: np.ndarray, chosen: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The letters with each chosen base exchanged for one of the three others, equally likely.

    Args:
        letters: uint8 (n, length).
        chosen: bool (n, length); True on bases only.
        generator: Of the draws.
    """
    exchanged = letters.copy()
    exchanged[chosen] = EXCHANGE[generator.integers(0, 3, np.count_nonzero(chosen)), letters[chosen]]
    return exchanged


def jitter(targets: np.ndarray, singletons: np.ndarray, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """The targets with normal noise on those of singletons, whose value is a single cell's.

    Args:
        targets: float32 (n, tasks).
        singletons: bool (n,).
        deviation: Of the noise, in the assay's units.
        generator: Of the draws.
    """
    noise = generator.standard_normal(targets.shape, np.float32)
    return targets + np.float32(deviation) * noise * singletons[:, None]
