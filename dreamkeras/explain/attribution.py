"""Stores attributions (the contributions of letters to a prediction), and compares the sum of the contributions with the prediction.

The contributions are computed by `models.gradients`. This module does not import Keras.
"""

from typing import NamedTuple

import numpy as np

from dreamkeras.explain.parts import Parts
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.ragged import Ragged

__all__ = ["Attribution"]


class Attribution(NamedTuple):
    """Contributions of the letters of inserts. Implements `Explanation`.

    Args:
        ids: n names.
        inserts: The n unchanged inserts or, if a span is given, the explained part of each unchanged insert.
        reference: Predictions for the sequences, float32 (n, tasks).
        baseline: For each sequence, mean prediction over its baseline sequences, float32 (n, tasks).
        scores: Hypothetical contributions, float32 (letters of all inserts, 4, tasks), in the order of `inserts.flat` and `BASES`. A
            hypothetical contribution is the contribution that a base would have at a position if the multipliers (contributions per unit
            of input) did not change.
        positions: See `Explanation`.
        outside: Sum of the contributions of the letters outside the explained part of each insert, float64 (n, tasks). None if the parts
            are complete inserts.
    """

    ids: list[str]
    inserts: Ragged
    reference: np.ndarray
    baseline: np.ndarray
    scores: np.ndarray
    positions: np.ndarray | None = None
    outside: np.ndarray | None = None

    def within(self, parts: Parts) -> "Attribution":
        """Returns the attribution of parts of the inserts. The contributions outside the parts are added up."""
        inside = parts.contain(self.inserts)
        others = self.importance().astype(np.float64)
        others[inside] = 0
        return self._replace(
            inserts=parts.cut(self.inserts), scores=self.scores[inside], positions=parts.positions, outside=_sums(self.inserts, others)
        )

    def importance(self) -> np.ndarray:
        """Returns the contribution of each letter of the sequence, float32 (letters of all inserts, tasks).

        The contribution of an ambiguity code is the mean over its bases. The contribution of N is 0.
        """
        return np.einsum("lb,lbt->lt", ONE_HOT[self.inserts.flat], self.scores)

    def hypothetical(self) -> np.ndarray:
        """Returns the hypothetical contributions in `scores`, float32 (letters of all inserts, 4, tasks)."""
        return self.scores

    def completeness_error(self) -> np.ndarray:
        """Returns the sum of the contributions minus the difference between prediction and baseline, float64 (n, tasks).

        The sum includes the contributions outside the explained parts of the inserts.
        The error is 0, except for rounding, if the contributions explain the difference completely. A large error indicates that the
        attribution method used too few steps.
        """
        total = _sums(self.inserts, self.importance()) + (0 if self.outside is None else self.outside)
        error: np.ndarray = total - (self.reference.astype(np.float64) - self.baseline)
        return error


def _sums(inserts: Ragged, values: np.ndarray) -> np.ndarray:
    """Returns the sums of the values of the letters of each insert, float64 (n, tasks)."""
    sums = np.zeros((len(inserts) + 1, values.shape[1]))
    totals = np.cumsum(values, axis=0, dtype=np.float64)
    filled = inserts.offsets > 0
    sums[filled] = totals[inserts.offsets[filled] - 1]
    return np.diff(sums, axis=0)
