"""A library of random yeast promoters with known truth, for demonstrations and tests.

Random inserts between the real adapters, a thermodynamic model of expression, and a noisy measurement of it. Array code only.
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.assays.yeast import BINS, to_examples
from dreamkeras.data.examples import Examples
from dreamkeras.data.simulation.motifs import YEAST_FACTORS
from dreamkeras.data.simulation.occupancy import occupancy
from dreamkeras.data.simulation.sorting import measure
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import N, letter_codes
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records, numbered

__all__ = ["Library", "examples", "expression", "simulate"]

# Shares of bases, insert lengths and unread bases in 6,370 promoters of the challenge's training set, rounded.
COMPOSITION = {"A": 58, "C": 49, "G": 72, "T": 77}  # of 256
LENGTHS = {80: 0.82, 79: 0.128, 78: 0.024, 77: 0.008, 76: 0.005, 81: 0.005}
RARE_LENGTHS = range(57, 106)
GAPPED, GAP_START, GAP_UNREAD = 0.004, 58, 0.8

CLOSED = -0.4
"""Log-odds that a promoter without opening factors is free of nucleosomes."""

SILENT = -0.3
"""Log-odds of expression of a promoter without activators and repressors."""


class Library(NamedTuple):
    """A simulated promoter library.

    Args:
        sequences: n promoters with both adapters.
        values: float64 (n,), measured expression, 0 to 17.
        truth: float64 (n,), the expression without measurement noise, same scale.
        occupancy: float32 (n, factors), how much of the time each factor is bound.
        factors: Names of the factors.
    """

    sequences: Ragged
    values: np.ndarray
    truth: np.ndarray
    occupancy: np.ndarray
    factors: tuple[str, ...]


def simulate(n: int, seed: int = 0) -> Library:
    """A library of n promoters; the same for the same n and seed.

    Raises:
        InputError: n is below 1, or the seed is negative.

    Example:
        >>> library = simulate(1000, seed=1)
        >>> library.sequences[0][:17], len(library.values)
        ('TGCATTTTTTTCACATC', 1000)
    """
    if n < 1:
        raise InputError(f"Expected at least 1 promoter to simulate, got {n}.")
    if seed < 0:
        raise InputError(f"Expected a seed of 0 or more, got {seed}.")
    generator = np.random.default_rng(seed)
    sequences = _promoters(n, generator)
    bound = occupancy(sequences)
    truth = expression(bound)
    return Library(sequences, measure(truth, generator), truth, bound, tuple(factor.name for factor in YEAST_FACTORS))


def expression(bound: np.ndarray) -> np.ndarray:
    """float64 (n,), 0 to 17: the expression of promoters by the occupancies of `YEAST_FACTORS`, float (n, factors).

    Factors act as far as the promoter is open, and general regulatory factors open it.
    """
    effects = np.array([[factor.effect, factor.opening] for factor in YEAST_FACTORS])
    # einsum keeps one order of additions, where BLAS's depends on the processor.
    drive, opening = np.einsum("nf,fk->kn", bound.astype(np.float64), effects)
    return (BINS - 1) * _logistic(SILENT + drive * _logistic(CLOSED + opening))


def examples(library: Library) -> Examples:
    """The library as training examples: what reading its file would give."""
    count = len(library.values)
    records = Records(numbered([""] * count), library.sequences, np.arange(1, count + 1), "simulated library")
    return to_examples(records, library.values)


def _promoters(n: int, generator: np.random.Generator) -> Ragged:
    left, right = map(letter_codes, (YEAST.left_adapter, YEAST.right_adapter))
    rare = (1 - sum(LENGTHS.values())) / len(RARE_LENGTHS)
    inserts = generator.choice([*LENGTHS, *RARE_LENGTHS], n, p=[*LENGTHS.values(), *[rare] * len(RARE_LENGTHS)])
    lengths = len(left) + inserts + len(right)
    wheel = letter_codes("".join(base * share for base, share in COMPOSITION.items()))
    sequences = Ragged.from_lengths(wheel[generator.integers(0, len(wheel), int(lengths.sum()), np.uint8)], lengths)
    _unread(sequences, len(left) + GAP_START, generator)
    sequences.flat[sequences.offsets[:-1, None] + np.arange(len(left))] = left
    sequences.flat[sequences.offsets[1:, None] + np.arange(-len(right), 0)] = right
    return sequences


def _unread(sequences: Ragged, start: int, generator: np.random.Generator) -> None:
    """Makes most letters from `start` on unknown in a few promoters, where the two reads of the real library did not meet."""
    gapped = np.flatnonzero(generator.random(len(sequences)) < GAPPED)
    for first, last in zip(sequences.offsets[gapped] + start, sequences.offsets[gapped + 1], strict=True):
        sequences.flat[first:last][generator.random(max(last - first, 0)) < GAP_UNREAD] = N


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
