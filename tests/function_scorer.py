"""A scorer that applies a function to windows and records the scored windows."""

import numpy as np

from dreamkeras.scoring.scorer import Scorer


class FunctionScorer(Scorer):
    """A scorer that predicts `function(letters)`, float (n,) or (n, tasks), for windows uint8 (n, length)."""

    def __init__(self, function, construct, tasks=("value",)):
        self.function, self.calls = function, []
        self._construct, self._tasks = construct, tasks

    name = "function"
    constructs = property(lambda self: (self._construct,))
    tasks = property(lambda self: self._tasks)
    units = property(lambda self: ("points",) * len(self._tasks))
    has_spread = False

    def score_windows(self, windows, batch_size=64, progress=None):
        (letters,) = windows
        if len(letters):
            self.calls.append(letters)
        if progress:
            progress(len(letters))
        return np.asarray(self.function(letters), np.float32).reshape(len(letters), len(self._tasks))
