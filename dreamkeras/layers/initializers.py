"""Initial weights as the challenge's trainers drew them, drawn by NumPy: one seed gives the same network on every backend."""

import math
import random

import keras
import numpy as np
from keras import ops

__all__ = ["FanOutNormal", "NarrowNormal"]


class _NumpyNormal(keras.initializers.Initializer):
    """Normal weights; without a seed, one is drawn from Python's generator, which `keras.utils.set_random_seed` seeds."""

    def __init__(self, seed=None):
        self.seed = random.randrange(2**31) if seed is None else seed  # noqa: S311  # weights are no secret

    def __call__(self, shape, dtype=None):
        weights = np.random.default_rng(self.seed).normal(0, self.deviation(shape), shape)
        return ops.convert_to_tensor(weights.astype(np.float32), dtype or keras.config.floatx())

    def deviation(self, shape):
        """Standard deviation of the weights of a kernel of this shape."""
        raise NotImplementedError

    def get_config(self):
        """The seed."""
        return {"seed": self.seed}


@keras.saving.register_keras_serializable(package="dreamkeras")
class FanOutNormal(_NumpyNormal):
    """Standard deviation sqrt(2 / (taps * filters)), for convolutions.

    Reference:
        He et al. 2015, with the fan-out; used by all three teams' trainers in the Prix Fixe framework.
    """

    def deviation(self, shape):
        """Of a kernel `(taps, channels, filters)` or `(channels, filters)`."""
        return math.sqrt(2 / math.prod((*shape[:-2], shape[-1])))


@keras.saving.register_keras_serializable(package="dreamkeras")
class NarrowNormal(_NumpyNormal):
    """Standard deviation 0.001, for dense layers: a gate starts half open for every channel."""

    def deviation(self, shape):
        """The same for every shape."""
        return 0.001
