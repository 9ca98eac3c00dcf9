"""A bidirectional LSTM in the form that trains fastest on each backend."""

import keras
from keras import ops

from dreamkeras.layers.initializers import GateUniform

__all__ = ["BidirectionalLSTM"]

DIRECTIONS = ("forward", "backward")


@keras.saving.register_keras_serializable(package="dreamkeras")
class BidirectionalLSTM(keras.layers.Layer):
    """Reads a sequence from both ends; each position gets what either reader knows there.

    The weights of each direction, forward first, are those of `keras.layers.LSTM`: `kernel` `(channels, 4 * units)`,
    `recurrent_kernel` `(units, 4 * units)` and `bias` `(4 * units,)`, gates in the order input, forget, cell, output.

    Args:
        units: Width of the state of each direction.

    Shape:
        `(batch, length, channels)` in, `(batch, length, 2 * units)` out: the forward half, then the backward half.

    Reference:
        Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shapes = {"kernel": (input_shape[-1], 4 * self.units), "recurrent_kernel": (self.units, 4 * self.units), "bias": (4 * self.units,)}
        self.directions = [
            [self.add_weight(shape=shape, initializer=GateUniform(), name=f"{direction}_{name}") for name, shape in shapes.items()]
            for direction in DIRECTIONS
        ]
        if keras.backend.backend() == "tensorflow":
            self._read = self._keras_own(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        weights = [[ops.convert_to_tensor(weight) for weight in direction] for direction in self.directions]
        backend = keras.backend.backend()
        if backend == "torch":
            return _torch_lstm(inputs, weights)
        if backend == "jax":
            return _jax_lstm(inputs, weights)
        if backend == "tensorflow":
            return self._read(inputs, [weight for direction in weights for weight in direction])
        raise NotImplementedError(f"Expected backend tensorflow, jax or torch, got {backend!r}.")

    def _keras_own(self, input_shape):
        """Keras's own layer as a function of our weights: on a GPU cuDNN's, and in an export one ONNX LSTM."""
        one = {"return_sequences": True, "kernel_initializer": "zeros", "recurrent_initializer": "zeros", "seed": 0}
        own = keras.layers.Bidirectional(keras.layers.LSTM(self.units, **one, dtype=self.dtype_policy))
        own.build(input_shape)
        return lambda inputs, weights: own.stateless_call(weights, own.non_trainable_variables, inputs)[0]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def _torch_lstm(inputs, weights):
    """torch's own; its gates i f g o are Keras's i f c o."""
    import torch

    flat = []
    for kernel, recurrent_kernel, bias in weights:
        flat += [kernel.T.contiguous(), recurrent_kernel.T.contiguous(), bias, torch.zeros_like(bias)]
    state = inputs.new_zeros(len(weights), len(inputs), len(weights[0][1]))
    outputs, _, _ = torch.lstm(inputs, (state, state), flat, True, 1, 0.0, False, True, True)
    return outputs


def _jax_lstm(inputs, weights):
    import jax
    from jax import numpy as jnp

    def read(inputs, kernel, recurrent_kernel, bias, reverse):
        projected = (inputs @ kernel + bias).swapaxes(0, 1)

        def step(state, gates):
            hidden, cell = state
            i, f, c, o = jnp.split(gates + hidden @ recurrent_kernel, 4, axis=-1)
            cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(c)
            hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
            return (hidden, cell), hidden

        start = jnp.zeros((len(inputs), len(recurrent_kernel)), projected.dtype)
        return jax.lax.scan(step, (start, start), projected, reverse=reverse)[1].swapaxes(0, 1)

    return jnp.concatenate([read(inputs, *direction, reverse=i == 1) for i, direction in enumerate(weights)], axis=-1)
