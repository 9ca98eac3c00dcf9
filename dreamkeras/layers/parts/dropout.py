"""Dropout that draws 16 random bits an element where Keras's own draws 32 or more, one element after the other."""

import math

import keras
from keras import ops

__all__ = ["Dropout"]

LEVELS = 2**16
"""What 16 random bits can tell apart: the share that is dropped is the rate to within half of one."""


@keras.saving.register_keras_serializable(package="dreamkeras")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, faster under JAX and on torch's CPU.

    Args:
        rate: Share of the elements that is set to zero in training; those left are scaled so that the mean stays.

    Shape:
        Any, and the same.
    """

    def call(self, inputs, training=False):
        bits = self._draw(inputs) if training and self.rate > 0 and self.noise_shape is None else None
        if bits is None:
            return super().call(inputs, training=training)
        kept = ops.cast(bits >= round(self.rate * LEVELS) - LEVELS // 2, inputs.dtype)
        return inputs * (kept * (1 / (1 - self.rate)))

    def _draw(self, inputs):
        """int16 of the inputs' shape, every value equally likely; None where Keras's own way is the fastest."""
        backend = keras.backend.backend()
        if backend == "jax":
            return _jax_bits(self.seed_generator.next(), inputs.shape)
        if backend == "torch" and inputs.device.type == "cpu":
            return _torch_bits(inputs.shape)
        return None


def _jax_bits(seed, shape):
    import jax

    words = jax.random.bits(seed, (math.ceil(math.prod(shape) / 2),), "uint32")
    return jax.lax.bitcast_convert_type(words, "int16").reshape(-1)[: math.prod(shape)].reshape(shape)


def _torch_bits(shape):
    import torch

    words = torch.empty(math.ceil(math.prod(shape) / 4), dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16)[: math.prod(shape)].reshape(shape)
