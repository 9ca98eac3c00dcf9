"""Explanation: what every method tells of inserts, be it by mutants or by gradients; logos, seqlets and others' formats take it."""

from typing import Protocol

import numpy as np

from dreamkeras.sequence.ragged import Ragged

__all__ = ["Explanation"]


class Explanation(Protocol):
    """What letters of some inserts are worth; a `Mutagenesis` is one."""

    @property
    def ids(self) -> list[str]:
        """N names."""

    @property
    def inserts(self) -> Ragged:
        """The n inserts, letters as given."""

    def importance(self) -> np.ndarray:
        """float32 (letters of all inserts, tasks): how much each letter that stands there adds to the prediction."""

    def hypothetical(self) -> np.ndarray:
        """float32 (letters of all inserts, 4, tasks): what A, C, G or T would contribute in the place of each letter."""
