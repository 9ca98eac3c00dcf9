"""Lists yeast transcription factors with their binding sites, and computes the relative affinity of a factor for a short sequence.

The list is for simulation only: binding sites are from JASPAR, but concentrations and effects are invented.
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import BASES, IUPAC

__all__ = ["YEAST_FACTORS", "Factor", "affinity"]

MISMATCH = 0.05
"""Probability of a base that is not in the consensus, equal for all such bases and all positions of a site."""


class Factor(NamedTuple):
    """A transcription factor of the simulated cell.

    Args:
        name: Standard name of the factor.
        site: Consensus of the binding site, IUPAC codes, 5' to 3'.
        matrix: JASPAR 2024 matrix that the consensus was derived from.
        concentration: Concentration in units of the dissociation constant of a perfect site. At a concentration of 10, a perfect site
            is bound 10/11 of the time.
        effect: Change of the log-odds of expression if the factor is bound, negative for repressors.
        opening: Change of the log-odds that the promoter is free of nucleosomes if the factor is bound.
    """

    name: str
    site: str
    matrix: str
    concentration: float
    effect: float
    opening: float = 0.0


# Binding sites are from JASPAR 2024 (Rauluseviciute et al., Nucleic Acids Research 52, D174, CC BY 4.0), taxon 4932. At each
# position, the consensus contains every base that has a frequency above 12 % and is at least 0.3 times as frequent as the most frequent
# base. Ends of the matrix with little information are omitted. The roles of the factors (activator, repressor, or general regulatory
# factor that opens chromatin) are general knowledge; for general regulatory factors, see de Boer et al. 2020. Concentrations and effect
# sizes are invented so that the expression of a simulated library has about the same spread as the measured expression.
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
    """Returns the relative affinity of each base at each position of a site, float64 (length, 5), columns A, C, G, T, N.

    The affinity of a sequence, relative to a perfect site, is the product of the relative affinities of its bases. Each base that is not
    in the consensus has probability `MISMATCH`, and the consensus bases share the remaining probability equally. The relative affinity of
    a base is its probability divided by the largest probability at the position. The relative affinity of N is the mean over the four
    bases.

    Example:
        >>> affinity("AN").round(3).tolist()
        [[1.0, 0.059, 0.059, 0.059, 0.294], [1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    named = np.array([[base in (IUPAC[code] or BASES) for base in BASES] for code in site])
    share = (1 - MISMATCH * (~named).sum(1, keepdims=True)) / named.sum(1, keepdims=True)
    probability = np.where(named, share, MISMATCH)
    return np.hstack([probability, np.full((len(site), 1), 1 / len(BASES))]) / share
