"""Defines the interface of explanations: the importance of each letter, from mutagenesis or attribution.

Logos, seqlets and the files for other tools are created from explanations.
"""

from typing import Protocol

import numpy as np

from dreamkeras.sequence.ragged import Ragged

__all__ = ["Explanation"]


class Explanation(Protocol):
    """Importance of the letters of inserts. `Mutagenesis` and `Attribution` implement this interface."""

    @property
    def ids(self) -> list[str]:
        """Names of the n inserts."""

    @property
    def inserts(self) -> Ragged:
        """The n unchanged inserts of the sequences."""

    def importance(self) -> np.ndarray:
        """Returns the contribution of each letter to the prediction, float32 (letters of all inserts, tasks)."""

    def hypothetical(self) -> np.ndarray:
        """Returns the contributions that A, C, G and T would have at each position, float32 (letters of all inserts, 4, tasks)."""
