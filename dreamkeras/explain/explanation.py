"""Defines the interface of explanations: the importance of each letter, from mutagenesis or attribution.

Logos, seqlets and the files for other tools are created from explanations.
"""

from typing import Protocol

import numpy as np

from dreamkeras.sequence.ragged import Ragged

__all__ = ["Explanation", "first_positions"]


class Explanation(Protocol):
    """Importance of the letters of inserts. `Mutagenesis` and `Attribution` implement this interface."""

    @property
    def ids(self) -> list[str]:
        """Names of the n inserts."""

    @property
    def inserts(self) -> Ragged:
        """The explained parts of the n unchanged inserts."""

    @property
    def positions(self) -> np.ndarray | None:
        """Position of the first letter of each part within its insert, counted from 0, int64 (n,). None if all positions are 0.

        For a genomic window that begins before its contig, positions are counted from the first base of the contig.
        """

    def importance(self) -> np.ndarray:
        """Returns the contribution of each letter to the prediction, float32 (letters of all inserts, tasks)."""

    def hypothetical(self) -> np.ndarray:
        """Returns the contributions that A, C, G and T would have at each position, float32 (letters of all inserts, 4, tasks)."""


def first_positions(found: Explanation) -> np.ndarray:
    """Returns the position of the first letter of each explained part, counted from 0, int64 (n,)."""
    return np.zeros(len(found.ids), np.int64) if found.positions is None else found.positions
