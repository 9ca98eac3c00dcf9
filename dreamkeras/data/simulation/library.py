"""Simulates libraries of random yeast promoters with known true expression, for demonstrations and tests.

A library consists of random inserts between the adapters of the yeast assay. The true expression follows a thermodynamic model. The
measured values contain noise.
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

# Rounded statistics of 6,370 promoters of the challenge's training set: base composition (in 256ths), insert lengths and unknown bases.
COMPOSITION = {"A": 58, "C": 49, "G": 72, "T": 77}
LENGTHS = {80: 0.82, 79: 0.128, 78: 0.024, 77: 0.008, 76: 0.005, 81: 0.005}
RARE_LENGTHS = range(57, 106)
GAPPED, GAP_START, GAP_UNREAD = 0.004, 58, 0.8

CLOSED = -0.4
"""Log-odds that a promoter is free of nucleosomes if no factor that opens chromatin is bound."""

SILENT = -0.3
"""Log-odds of expression for a promoter without bound activators and repressors."""


class Library(NamedTuple):
    """A simulated promoter library.

    Args:
        sequences: Sequences of the n promoters, with both adapters.
        values: Measured expression, 0 to 17, float64 (n,).
        truth: Expression without measurement noise, 0 to 17, float64 (n,).
        occupancy: Probability that each factor is bound, float32 (n, factors).
        factors: Names of the transcription factors.
    """

    sequences: Ragged
    values: np.ndarray
    truth: np.ndarray
    occupancy: np.ndarray
    factors: tuple[str, ...]


def simulate(n: int, seed: int = 0) -> Library:
    """Simulates a library of n promoters. The same n and seed give the same library.

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
    """Returns the true expression of promoters, 0 to 17, float64 (n,).

    The effect of a factor is scaled by the probability that the promoter is free of nucleosomes. General regulatory factors increase
    the probability that the promoter is free of nucleosomes.

    Args:
        bound: Probability that each of the `YEAST_FACTORS` is bound, float (n, factors).
    """
    effects = np.array([[factor.effect, factor.opening] for factor in YEAST_FACTORS])
    # `einsum` always adds numbers in the same order. With BLAS, the order and therefore the rounding depend on the processor.
    drive, opening = np.einsum("nf,fk->kn", bound.astype(np.float64), effects)
    return (BINS - 1) * _logistic(SILENT + drive * _logistic(CLOSED + opening))


def examples(library: Library) -> Examples:
    """Returns the library as training examples. Reading the library's file gives the same examples."""
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
    """Replaces most bases after position `start` with N in a few promoters.

    In the real library, some bases are unknown because the two reads of a promoter do not overlap.
    """
    gapped = np.flatnonzero(generator.random(len(sequences)) < GAPPED)
    for first, last in zip(sequences.offsets[gapped] + start, sequences.offsets[gapped + 1], strict=True):
        sequences.flat[first:last][generator.random(max(last - first, 0)) < GAP_UNREAD] = N


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
