"""How much of the time each transcription factor sits on a promoter: both strands, every position, in thermal equilibrium."""

from collections.abc import Sequence

import numpy as np

from dreamkeras.data.simulation.motifs import YEAST_FACTORS, Factor, affinity
from dreamkeras.sequence.alphabet import BASE_INDEX, BASES, NO_BASE, letter_codes, reverse_complement
from dreamkeras.sequence.ragged import Ragged

__all__ = ["occupancy"]

WORD = 4
"""Letters looked up at once: the tables of all words then stay in the processor's cache."""

OUTSIDE = NO_BASE + 1
SYMBOLS = len(BASES) + 2
CHUNK = 512


def occupancy(sequences: Ragged, factors: Sequence[Factor] = YEAST_FACTORS) -> np.ndarray:
    """float32 (n, factors): the probability that each factor is bound somewhere on each of n sequences, in any case.

    One molecule of a factor binds at a time, and factors do not see each other: with Z = concentration x the sum over
    positions and strands of the relative affinity, the occupancy is Z / (1 + Z). Codes other than the four bases are unknown bases.
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
    """intp (rows, longest + behind): a number for each letter, `OUTSIDE` behind a sequence's end."""
    lengths = sequences.lengths[rows]
    symbols = np.full((len(lengths), int(lengths.max()) + behind), OUTSIDE, np.intp)
    inside = np.arange(symbols.shape[1]) < lengths[:, None]
    symbols[inside] = BASE_INDEX[sequences.flat[sequences.offsets[rows.start] : sequences.offsets[rows.stop]]]
    return symbols


def _total_affinity(symbols: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """float32 (rows, factors): the relative affinities summed over positions and strands."""
    words = np.zeros((len(symbols), symbols.shape[1] - WORD + 1), np.intp)
    for step in range(WORD):
        words *= SYMBOLS
        words += symbols[:, step : step + words.shape[1]]
    positions = words.shape[1] - (len(tables) - 1) * WORD
    sites = tables[0][words[:, :positions]]  # (rows, positions, 2 x factors)
    for number, table in enumerate(tables[1:], 1):
        sites *= table[words[:, number * WORD : number * WORD + positions]]
    return sites.sum(1).reshape(len(symbols), 2, -1).sum(1)


def _word_tables(factors: Sequence[Factor]) -> np.ndarray:
    """float32 (words of a site, SYMBOLS ** WORD, 2 x factors): what each word at each place of a site contributes.

    The first half of the columns are the sites as written, the second half their reverse complements.
    """
    words = -(-max(len(factor.site) for factor in factors) // WORD)
    columns = np.ones((words * WORD, SYMBOLS, 2, len(factors)))
    for number, factor in enumerate(factors):
        for strand, site in enumerate((factor.site, reverse_complement(letter_codes(factor.site)).tobytes().decode())):
            columns[: len(site), :OUTSIDE, strand, number] = affinity(site)
            columns[: len(site), OUTSIDE, strand, number] = 0  # a site has to lie within the sequence
    columns = columns.reshape(words, WORD, SYMBOLS, 2 * len(factors))
    tables = columns[:, 0]
    for step in range(1, WORD):
        tables = (tables[:, :, None] * columns[:, step, None]).reshape(words, -1, 2 * len(factors))
    return tables.astype(np.float32)
