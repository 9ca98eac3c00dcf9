"""Explanation: the importance of letters of inserts, from mutants or gradients, for logos, seqlets and other tools' formats."""

from typing import Protocol

import numpy as np

from dreamkeras.sequence.ragged import Ragged

__all__ = ["Explanation"]


class Explanation(Protocol):
    """The importance of letters of some inserts; a `Mutagenesis` is one."""

    @property
    def ids(self) -> list[str]:
        """N names."""

    @property
    def inserts(self) -> Ragged:
        """The n inserts, letters as given."""

    def importance(self) -> np.ndarray:
        """float32 (letters of all inserts, tasks): how much each letter of the sequence adds to the prediction."""

    def hypothetical(self) -> np.ndarray:
        """float32 (letters of all inserts, 4, tasks): what A, C, G or T would contribute in the place of each letter."""
