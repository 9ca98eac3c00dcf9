"""Initial weights as the challenge's trainers drew them, drawn by NumPy: one seed gives the same network on every backend."""

import math
import random

import keras
import numpy as np
from keras import ops

__all__ = ["FanInUniform", "FanOutNormal", "GateUniform", "GlorotUniform", "NarrowNormal", "UnitNormal"]


class _NumpyInitializer(keras.initializers.Initializer):
    """Without a seed, one is drawn from Python's generator, which `keras.utils.set_random_seed` seeds."""

    def __init__(self, seed=None):
        self.seed = random.randrange(2**31) if seed is None else seed  # noqa: S311  # weights are no secret

    def __call__(self, shape, dtype=None):
        weights = self.draw(np.random.default_rng(self.seed), shape)
        return ops.convert_to_tensor(weights.astype(np.float32), dtype or keras.config.floatx())

    def draw(self, generator, shape):
        """Weights of this shape."""
        raise NotImplementedError

    def get_config(self):
        return {"seed": self.seed}


@keras.saving.register_keras_serializable(package="dreamkeras")
class FanOutNormal(_NumpyInitializer):
    """Standard deviation sqrt(2 / (taps * filters)), for convolutions and for the layers that answer.

    Reference:
        He et al. 2015, with the fan-out; used by all three teams' trainers in the Prix Fixe framework.
    """

    def draw(self, generator, shape):
        """A kernel `(taps, channels, filters)` or `(channels, filters)`."""
        return generator.normal(0, math.sqrt(2 / math.prod((*shape[:-2], shape[-1]))), shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class NarrowNormal(_NumpyInitializer):
    """Standard deviation 0.001, for dense layers: a gate starts half open for every channel."""

    def draw(self, generator, shape):
        """Weights of any shape."""
        return generator.normal(0, 0.001, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class UnitNormal(_NumpyInitializer):
    """Standard deviation 1, as torch draws its embeddings."""

    def draw(self, generator, shape):
        """Weights of any shape."""
        return generator.normal(0, 1, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class FanInUniform(_NumpyInitializer):
    """Between plus and minus 1 / sqrt(taps * channels), as torch draws its linear layers and convolutions."""

    def draw(self, generator, shape):
        """A kernel `(taps, channels, filters)` or `(channels, filters)`."""
        bound = 1 / math.sqrt(math.prod(shape[:-1]))
        return generator.uniform(-bound, bound, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class GlorotUniform(_NumpyInitializer):
    """Between plus and minus sqrt(6 / (channels + filters)), as torch draws what attention asks, holds and tells.

    Reference:
        Glorot and Bengio 2010.
    """

    def draw(self, generator, shape):
        """A kernel `(channels, filters)`."""
        bound = math.sqrt(6 / sum(shape))
        return generator.uniform(-bound, bound, shape)


@keras.saving.register_keras_serializable(package="dreamkeras")
class GateUniform(_NumpyInitializer):
    """Between plus and minus 1 / sqrt(units), as torch draws the weights and biases of an LSTM."""

    def draw(self, generator, shape):
        """A kernel `(channels, 4 * units)`, or a bias `(4 * units,)`."""
        bound = 1 / math.sqrt(shape[-1] / 4)
        return generator.uniform(-bound, bound, shape)
