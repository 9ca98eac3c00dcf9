"""Computes the occupancy of promoters by transcription factors at thermal equilibrium, over all positions of both strands."""

from collections.abc import Sequence

import numpy as np

from dreamkeras.data.simulation.motifs import YEAST_FACTORS, Factor, affinity
from dreamkeras.sequence.alphabet import BASE_INDEX, BASES, NO_BASE, letter_codes, reverse_complement
from dreamkeras.sequence.ragged import Ragged

__all__ = ["occupancy"]

WORD = 4
"""Number of bases whose affinities are looked up together. With 4 bases, the lookup tables fit into the processor's cache."""

OUTSIDE = NO_BASE + 1
SYMBOLS = len(BASES) + 2
CHUNK = 512


def occupancy(sequences: Ragged, factors: Sequence[Factor] = YEAST_FACTORS) -> np.ndarray:
    """Returns the probability that each factor is bound anywhere on each of n sequences, float32 (n, factors).

    The occupancy is Z / (1 + Z), where Z is the concentration of the factor times its relative affinity, summed over positions and strands.
    At most one molecule of a factor is bound at a time, and factors do not interact. The bases A, C, G, T and U may be in upper or lower
    case. All other letters count as unknown bases.
    """
    tables = _word_tables(factors)
    concentrations = np.array([factor.concentration for factor in factors], np.float32)
    bound = np.empty((len(sequences), len(factors)), np.float32)
    for start in range(0, len(sequences), CHUNK):
        rows = slice(start, min(start + CHUNK, len(sequences)))
        partition = concentrations * _total_affinity(_symbols(sequences, rows, len(tables) * WORD - 1), tables)
        bound[rows] = partition / (1 + partition)
    return bound


def _symbols(sequences: Ragged, rows: slice, behind: int) -> np.ndarray:
    """Returns the codes of each sequence's letters, followed by `behind` or more positions, intp (rows, longest + behind).

    The positions after the end of a sequence have the code `OUTSIDE`.
    """
    lengths = sequences.lengths[rows]
    symbols = np.full((len(lengths), int(lengths.max()) + behind), OUTSIDE, np.intp)
    inside = np.arange(symbols.shape[1]) < lengths[:, None]
    symbols[inside] = BASE_INDEX[sequences.flat[sequences.offsets[rows.start] : sequences.offsets[rows.stop]]]
    return symbols


def _total_affinity(symbols: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Returns the relative affinities of the factors, summed over positions and strands, float32 (rows, factors)."""
    words = np.zeros((len(symbols), symbols.shape[1] - WORD + 1), np.intp)
    for step in range(WORD):
        words *= SYMBOLS
        words += symbols[:, step : step + words.shape[1]]
    positions = words.shape[1] - (len(tables) - 1) * WORD
    sites = tables[0][words[:, :positions]]  # shape (rows, positions, 2 x factors)
    for number, table in enumerate(tables[1:], 1):
        sites *= table[words[:, number * WORD : number * WORD + positions]]
    return sites.sum(1).reshape(len(symbols), 2, -1).sum(1)


def _word_tables(factors: Sequence[Factor]) -> np.ndarray:
    """Returns tables of the relative affinity of every sequence of `WORD` bases.

    A site is divided into parts of `WORD` positions, and each part has a separate table.

    Returns:
        Tables, float32 (parts per site, SYMBOLS ** WORD, 2 x factors). The first half of the columns is for the sites, the second half for
        their reverse complements.
    """
    words = -(-max(len(factor.site) for factor in factors) // WORD)
    columns = np.ones((words * WORD, SYMBOLS, 2, len(factors)))
    for number, factor in enumerate(factors):
        for strand, site in enumerate((factor.site, reverse_complement(letter_codes(factor.site)).tobytes().decode())):
            columns[: len(site), :OUTSIDE, strand, number] = affinity(site)
            columns[: len(site), OUTSIDE, strand, number] = 0  # Sites that extend beyond the sequence are not counted.
    columns = columns.reshape(words, WORD, SYMBOLS, 2 * len(factors))
    tables = columns[:, 0]
    for step in range(1, WORD):
        tables = (tables[:, :, None] * columns[:, step, None]).reshape(words, -1, 2 * len(factors))
    return tables.astype(np.float32)
