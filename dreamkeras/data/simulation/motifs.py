"""Binding sites of yeast transcription factors, as a table, and the relative affinity of any word of DNA for each.

The table serves simulation: sites are from JASPAR, concentrations and effects are invented. Knows nothing about sequences.
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import BASES, IUPAC

__all__ = ["YEAST_FACTORS", "Factor", "affinity"]

MISMATCH = 0.05
"""Probability that a position of a site gives to each base that its consensus does not name."""


class Factor(NamedTuple):
    """A transcription factor of the simulated cell.

    Args:
        name: Its standard name.
        site: Consensus of its binding site, IUPAC codes, 5' to 3'.
        matrix: The JASPAR 2024 matrix that the consensus was read from.
        concentration: In units of the dissociation constant of a perfect site: 10 means bound 10/11 of the time.
        effect: Added to the log-odds of expression at full occupancy; negative represses.
        opening: Added to the log-odds that the promoter is free of nucleosomes, at full occupancy.
    """

    name: str
    site: str
    matrix: str
    concentration: float
    effect: float
    opening: float = 0.0


# Sites: JASPAR 2024 (Rauluseviciute et al., Nucleic Acids Research 52, D174; CC BY 4.0), taxon 4932. Each matrix was read as
# a consensus (at every position the bases with at least 30 % of the most frequent one's share, and over 12 %), without its
# weakly informative ends. Which factors activate, repress or open chromatin is general knowledge of yeast (general regulatory
# factors open it, de Boer et al. 2020); concentrations and sizes of effects are made up so that a library's expression
# spreads about as far as the measured one. None of them is a measurement.
YEAST_FACTORS = (
    Factor("Abf1", "TCGTNNDDARTGAY", "MA0265.3", 40.0, 1.2, 3.0),
    Factor("Cbf1", "RKCACGTGAY", "MA0281.3", 30.0, 1.6),
    Factor("Gcn4", "TGASTCAY", "MA0303.3", 12.0, 2.4),
    Factor("Hap5", "CTBATTGGY", "MA0316.2", 15.0, 2.0),
    Factor("Hsf1", "ATGGAAB", "MA0319.2", 6.0, 1.6),
    Factor("Mbp1", "WCGCGTY", "MA0330.1", 6.0, 1.8),
    Factor("Mcm1", "CCNNWTYRGGAA", "MA0331.1", 30.0, 2.0),
    Factor("Msn2", "RGGGG", "MA0341.1", 1.0, 2.0),
    Factor("Rap1", "RTGTATGGGTGT", "MA0359.3", 50.0, 2.4, 2.5),
    Factor("Reb1", "RTTACCCGS", "MA0363.3", 20.0, 1.8, 3.0),
    Factor("Rpn4", "RGTGGCG", "MA0373.1", 8.0, 2.0),
    Factor("Ste12", "TGAAACR", "MA0393.1", 6.0, 1.4),
    Factor("Dot6", "WSCTCATCGV", "MA0351.2", 20.0, -3.0),
    Factor("Mig1", "CCCCRS", "MA0337.2", 1.5, -3.0),
    Factor("Rox1", "YYHATTGTTYTS", "MA0371.1", 30.0, -2.4),
    Factor("Ume6", "WWTAGCCGCCVA", "MA0412.3", 40.0, -4.0),
)


def affinity(site: str) -> np.ndarray:
    """float64 (length, 5), columns A, C, G, T, N: each position's factor, up to 1, in the affinity of a word, relative to a perfect site.

    A base that the consensus does not name has probability `MISMATCH`, the others share the rest; the relative affinity is
    the probability over the position's largest. An unknown base counts as the mean of the four.

    Example:
        >>> affinity("AN").round(3).tolist()
        [[1.0, 0.059, 0.059, 0.059, 0.294], [1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    named = np.array([[base in (IUPAC[code] or BASES) for base in BASES] for code in site])
    share = (1 - MISMATCH * (~named).sum(1, keepdims=True)) / named.sum(1, keepdims=True)
    probability = np.where(named, share, MISMATCH)
    return np.hstack([probability, np.full((len(site), 1), 1 / len(BASES))]) / share
