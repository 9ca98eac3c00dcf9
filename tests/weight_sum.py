"""A scorer with closed-form predictions: the sum of a weight for each base at each position of the window."""

import numpy as np

from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.construct import Construct

PLAIN = Construct("plain", length=12, alignment="left", shortest=2, strands="given")
"""A construct of 2 to 12 bases without adapters and flanks."""


class WeightSum(Scorer):
    """A scorer that sums `weights`, float64 (length, 4, tasks), and counts the scored windows in `asked`."""

    def __init__(self, construct: Construct = PLAIN, tasks: int = 1, seed: int = 0) -> None:
        self.weights = np.random.default_rng(seed).normal(size=(construct.length, 4, tasks))
        self.asked = 0
        self._construct = construct

    name = "weight sum"
    constructs = property(lambda self: (self._construct,))
    tasks = property(lambda self: tuple(f"task {number}" for number in range(self.weights.shape[2])))
    units = property(lambda self: ("points",) * len(self.tasks))
    has_spread = False

    def score_windows(self, windows, batch_size=64, progress=None):
        (letters,) = windows
        self.asked += len(letters)
        if progress:
            progress(len(letters))
        return np.einsum("nlb,lbt->nt", ONE_HOT[letters], self.weights).astype(np.float32)
