"""Weight initialisers used by the teams of the challenge.

NumPy draws the weights, so that a seed gives the same network on every backend.
"""

import math
import random

import keras
import numpy as np
from keras import ops

__all__ = ["FanInUniform", "FanOutNormal", "GateUniform", "GlorotUniform", "NarrowNormal", "UnitNormal"]


class _NumpyInitializer(keras.initializers.Initializer):
    """Base class of initialisers that draw weights with NumPy.

    Args:
        seed: Random seed. If None, the seed is drawn from Python's generator, which `keras.utils.set_random_seed` seeds.
    """

    def __init__(self, seed=None):
        self.seed = random.randrange(2**31) if seed is None else seed  # noqa: S311  # weights are not secret

    def __call__(self, shape, dtype=None):
        weights = self.draw(np.random.default_rng(self.seed), shape)
        return ops.convert_to_tensor(weights.astype(np.float32), dtype or keras.config.floatx())

    def draw(self, generator, shape):
        """Draws weights of the given shape."""
        raise NotImplementedError

    def get_config(self):
        return {"seed": self.seed}


@keras.saving.register_keras_serializable(package="dreamkeras")
class FanOutNormal(_NumpyInitializer):
    """Normal distribution with standard deviation sqrt(2 / (taps * filters)), for convolutions and output layers.

    Reference:
        He et al. 2015, with the fan-out instead of the fan-in. In the Prix Fixe framework, the trainers of all three teams use this
        initialiser.
    """

    def draw(self, generator, shape):
        """Draws a kernel `(taps, channels, filters)` or `(channels, filters)`."""
        return generator.normal(0, math.sqrt(2 / math.prod((*shape[:-2], shape[-1]))), shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class NarrowNormal(_NumpyInitializer):
    """Normal distribution with standard deviation 0.001, for the dense layers of gates.

    With such small weights, every gate is close to 0.5 at the start of the training.
    """

    def draw(self, generator, shape):
        """Draws weights of any shape."""
        return generator.normal(0, 0.001, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class UnitNormal(_NumpyInitializer):
    """Normal distribution with standard deviation 1, torch's default for embeddings."""

    def draw(self, generator, shape):
        """Draws weights of any shape."""
        return generator.normal(0, 1, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class FanInUniform(_NumpyInitializer):
    """Uniform distribution between plus and minus 1 / sqrt(taps * channels), torch's default for linear layers and convolutions."""

    def draw(self, generator, shape):
        """Draws a kernel `(taps, channels, filters)` or `(channels, filters)`."""
        bound = 1 / math.sqrt(math.prod(shape[:-1]))
        return generator.uniform(-bound, bound, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class GlorotUniform(_NumpyInitializer):
    """Uniform distribution between plus and minus sqrt(6 / (channels + filters)), torch's default for queries, keys and values.

    Reference:
        Glorot and Bengio 2010.
    """

    def draw(self, generator, shape):
        """Draws a kernel `(channels, filters)`."""
        bound = math.sqrt(6 / sum(shape))
        return generator.uniform(-bound, bound, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class GateUniform(_NumpyInitializer):
    """Uniform distribution between plus and minus 1 / sqrt(units), torch's default for the weights and biases of an LSTM."""

    def draw(self, generator, shape):
        """Draws a kernel `(channels, 4 * units)` or a bias `(4 * units,)`."""
        bound = 1 / math.sqrt(shape[-1] / 4)
        return generator.uniform(-bound, bound, shape)
