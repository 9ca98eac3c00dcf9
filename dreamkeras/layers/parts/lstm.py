"""A bidirectional LSTM layer that uses the fastest algorithm for training on each backend."""

import functools

import keras
from keras import ops

from dreamkeras.layers.parts.initializers import GateUniform

__all__ = ["BidirectionalLSTM"]

DIRECTIONS = ("forward", "backward")


@keras.saving.register_keras_serializable(package="dreamkeras")
class BidirectionalLSTM(keras.layers.Layer):
    """Bidirectional LSTM that returns the states of both directions at each position.

    Each direction has the weights of `keras.layers.LSTM`: `kernel` `(channels, 4 * units)`, `recurrent_kernel` `(units, 4 * units)` and
    `bias` `(4 * units,)`, with gates in the order input, forget, cell, output. As in torch, a second bias, `recurrent_bias`, is added to
    `bias`. With an optimiser such as Adam, each step changes both biases, so their sum changes twice as much as the bias of a layer with a
    single bias. The weights of the forward direction come first.

    Args:
        units: Size of the state in each direction.

    Shape:
        Input `(batch, length, channels)`, output `(batch, length, 2 * units)`, with the states of the forward direction first.

    Reference:
        Hochreiter and Schmidhuber 1997; Graves and Schmidhuber 2005.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        gates = 4 * self.units
        shapes = {"kernel": (input_shape[-1], gates), "recurrent_kernel": (self.units, gates), "bias": (gates,), "recurrent_bias": (gates,)}
        self.directions = [
            [self.add_weight(shape=shape, initializer=GateUniform(), name=f"{direction}_{name}") for name, shape in shapes.items()]
            for direction in DIRECTIONS
        ]
        if keras.backend.backend() == "tensorflow":
            self._read = self._keras_own(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        weights = [
            [ops.convert_to_tensor(kernel), ops.convert_to_tensor(recurrent_kernel), bias + recurrent_bias]
            for kernel, recurrent_kernel, bias, recurrent_bias in self.directions
        ]
        backend = keras.backend.backend()
        if backend == "torch":
            return _torch_lstm(inputs, weights)
        if backend == "jax":
            return _jax_lstm(inputs, weights)
        if backend == "tensorflow":
            return self._read(inputs, [weight for direction in weights for weight in direction])
        raise NotImplementedError(f"Expected backend tensorflow, jax or torch, got {backend!r}.")

    def _keras_own(self, input_shape):
        """Returns a function of the inputs and the weights of this layer that computes the LSTM with `keras.layers.LSTM`.

        Keras's layer uses cuDNN on GPUs and is exported as one ONNX LSTM node.
        """
        one = {"return_sequences": True, "kernel_initializer": "zeros", "recurrent_initializer": "zeros", "seed": 0}
        own = keras.layers.Bidirectional(keras.layers.LSTM(self.units, **one, dtype=self.dtype_policy))
        own.build(input_shape)
        return lambda inputs, weights: own.stateless_call(weights, own.non_trainable_variables, inputs)[0]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def _torch_lstm(inputs, weights):
    """Computes the LSTM with the function `torch.lstm`.

    torch and Keras store the gates in the same order: input, forget, cell and output.
    """
    import torch

    flat = []
    for kernel, recurrent_kernel, bias in weights:
        flat += [kernel.T.contiguous(), recurrent_kernel.T.contiguous(), bias, torch.zeros_like(bias)]
    state = inputs.new_zeros(len(weights), len(inputs), len(weights[0][1]))
    training = torch.is_grad_enabled()  # in training, cuDNN stores the values that the gradients require
    outputs, _, _ = torch.lstm(inputs, (state, state), flat, True, 1, 0.0, training, True, True)
    return outputs.contiguous()  # without `contiguous`, each following convolution would copy these outputs twice


def _jax_lstm(inputs, weights):
    """Computes the LSTM with one scan in each direction and a custom gradient.

    The gradient of each kernel is computed after the scan, as one matrix product over all steps, which is faster than a sum in each step.
    docs/explanation/internals.md derives the backward pass with a numerical example. The function `pull_back` in the tests computes the
    gradient in a plain loop.
    """
    from jax import numpy as jnp

    steps = inputs.swapaxes(0, 1)
    halves = [
        _jax_direction()(steps, jnp.concatenate([kernel, recurrent_kernel]), bias, direction == "backward")
        for direction, (kernel, recurrent_kernel, bias) in zip(DIRECTIONS, weights, strict=True)
    ]
    return jnp.concatenate(halves, axis=-1).swapaxes(0, 1)


@functools.cache
def _jax_direction():
    """Returns a function that computes one direction of the LSTM.

    The arguments of the function are the inputs `(length, batch, channels)`, the stacked kernels `(channels + units, 4 * units)`, the bias,
    and whether to read the sequence from its end.
    """
    import jax

    @functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
    def read(steps, kernel, bias, reverse):
        return _jax_scan(steps, kernel, bias, reverse)[0]

    def push(steps, kernel, bias, reverse):
        hiddens, cells, gates = _jax_scan(steps, kernel, bias, reverse)
        return hiddens, (steps, kernel, hiddens, cells, gates)

    read.defvjp(push, _jax_pull_back)
    return read


def _jax_scan(steps, kernel, bias, reverse):
    """Returns the hidden states, the cell states and the gates of every step."""
    import jax
    from jax import numpy as jnp

    def step(state, features):
        hidden, cell = state
        z_i, z_f, z_g, z_o = jnp.split(jnp.concatenate([features, hidden], axis=-1) @ kernel + bias, 4, axis=-1)
        i, f, g, o = jax.nn.sigmoid(z_i), jax.nn.sigmoid(z_f), jnp.tanh(z_g), jax.nn.sigmoid(z_o)
        cell = f * cell + i * g
        hidden = o * jnp.tanh(cell)
        return (hidden, cell), (hidden, cell, (i, f, g, o))

    start = jnp.zeros((steps.shape[1], len(bias) // 4), steps.dtype)
    return jax.lax.scan(step, (start, start), steps, reverse=reverse)[1]


def _jax_pull_back(reverse, residuals, cotangents):
    """Computes the cotangents of the inputs, the kernel and the bias from the cotangents of the hidden states."""
    import jax
    from jax import numpy as jnp

    steps, kernel, hiddens, cells, gates = residuals
    earlier_hiddens, earlier_cells = (_jax_shifted(states, reverse) for states in (hiddens, cells))
    channels, start = steps.shape[-1], jnp.zeros_like(cells[0])

    def step(state, seen):
        (by_hidden, by_cell), (cotangent, *states) = state, seen
        by_gates, by_cell = _jax_by_gates(by_hidden + cotangent, by_cell, *states)
        by_inputs = by_gates @ kernel.T
        return (by_inputs[:, channels:], by_cell), (by_gates, by_inputs[:, :channels])

    seen = cotangents, gates, cells, earlier_cells
    by_gates, by_steps = jax.lax.scan(step, (start, start), seen, reverse=not reverse)[1]
    by_kernel = [jnp.tensordot(read, by_gates, ((0, 1), (0, 1))) for read in (steps, earlier_hiddens)]
    return by_steps, jnp.concatenate(by_kernel), by_gates.sum((0, 1))


def _jax_by_gates(by_hidden, by_cell, gates, cell, earlier_cell):
    """Propagates the gradient one step back. Returns the cotangents of the gates' pre-activations and of the previous cell state."""
    from jax import numpy as jnp

    (i, f, g, o), squashed = gates, jnp.tanh(cell)
    by_cell = by_cell + by_hidden * o * (1 - squashed**2)
    by_i, by_f = by_cell * g * i * (1 - i), by_cell * earlier_cell * f * (1 - f)
    by_g, by_o = by_cell * i * (1 - g**2), by_hidden * squashed * o * (1 - o)
    return jnp.concatenate([by_i, by_f, by_g, by_o], axis=-1), by_cell * f


def _jax_shifted(states, reverse):
    """Returns the states at the beginning of each step, `(length, batch, units)`."""
    from jax import numpy as jnp

    start = jnp.zeros_like(states[:1])
    return jnp.concatenate([states[1:], start] if reverse else [start, states[:-1]])
