"""Attribution: what each letter of some inserts contributes to a prediction, and how well the contributions add up.

Knows nothing about Keras: `models.gradients` fills it.
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.ragged import Ragged

__all__ = ["Attribution"]


class Attribution(NamedTuple):
    """The contributions of the letters of some inserts; an `Explanation`.

    Args:
        ids: n names.
        inserts: The n inserts, letters as given.
        reference: float32 (n, tasks), predictions of the sequences as they stand.
        baseline: float32 (n, tasks), what the sequences are compared with: the mean prediction of their baselines.
        scores: float32 (letters of all inserts, 4, tasks), hypothetical contributions: what A, C, G or T would contribute in the place
            of each letter, the network's multipliers left as they are. In the order of `inserts.flat` and `BASES`.
    """

    ids: list[str]
    inserts: Ragged
    reference: np.ndarray
    baseline: np.ndarray
    scores: np.ndarray

    def importance(self) -> np.ndarray:
        """float32 (letters of all inserts, tasks): the contribution of the sequence's letter, 0 for N.

        A letter that stands for several bases has the mean of theirs.
        """
        return np.einsum("lb,lbt->lt", ONE_HOT[self.inserts.flat], self.scores)

    def hypothetical(self) -> np.ndarray:
        """float32 (letters of all inserts, 4, tasks): `scores`."""
        return self.scores

    def completeness_error(self) -> np.ndarray:
        """float64 (n, tasks): the sum of a sequence's contributions minus the difference of its prediction from its baselines'.

        0 but for rounding where a method explains all of the difference; large where its steps are too few.
        """
        sums = np.zeros((len(self.inserts) + 1, self.scores.shape[2]))
        totals = np.cumsum(self.importance(), axis=0, dtype=np.float64)
        filled = self.inserts.offsets > 0
        sums[filled] = totals[self.inserts.offsets[filled] - 1]
        return np.diff(sums, axis=0) - (self.reference.astype(np.float64) - self.baseline)
