"""Computes gradients of the parts of a network on every backend, and chains the gradients from the prediction back to the input.

Only `_differentiable` depends on the name of the backend.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

__all__ = ["Chain"]


class Stage(NamedTuple):
    """A part of a network, represented by a function and its vector-Jacobian product.

    Args:
        answer: Function that maps features to the outputs of the part.
        pull_back: Function that maps features and a cotangent of the outputs to a cotangent of the features.
    """

    answer: Callable[[Any], Any]
    pull_back: Callable[[Any, Any], Any]


class Chain:
    """A chain of layers from features to expression. The gradients of each layer are computed at points between a baseline and a sequence.

    Args:
        layers: The layers. The last layer returns expression `(batch, tasks)`, or a dictionary with `"expression"`.
        quadrature: Pairs of a point and its weight. Point 0 is the baseline, and point 1 is the sequence.
    """

    def __init__(self, layers: Sequence[keras.layers.Layer], quadrature: Sequence[tuple[float, float]]) -> None:
        self._stages = [_differentiable(layer) for layer in layers]
        self._quadrature = quadrature

    def explain(self, features: np.ndarray, baselines: np.ndarray, tasks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Computes multipliers, which convert differences between features and baselines to contributions to expression.

        Args:
            features: float32 (n, length, channels).
            baselines: One baseline for each row of `features`, float32 (n, length, channels).
            tasks: Number of tasks.

        Returns:
            Three float32 arrays. The first two arrays are the expression predicted from the features and from the baselines, (n, tasks).
                The third array contains the multipliers, (n, length, channels, tasks).
        """
        ends = [tuple(map(ops.convert_to_tensor, (features, baselines)))]
        for stage in self._stages:
            ends.append(tuple(map(stage.answer, ends[-1])))
        lines = ends[:-1]
        multipliers = [self._multipliers(lines, np.eye(tasks, dtype=np.float32)[[task] * len(features)]) for task in range(tasks)]
        return *map(ops.convert_to_numpy, ends[-1]), np.stack([ops.convert_to_numpy(found) for found in multipliers], axis=-1)

    def _multipliers(self, lines: list[tuple[Any, Any]], cotangent: np.ndarray) -> Any:
        cotangent = ops.convert_to_tensor(cotangent)
        for stage, (end, begin) in zip(reversed(self._stages), reversed(lines), strict=True):
            parts = [weight * stage.pull_back(begin + point * (end - begin), cotangent) for point, weight in self._quadrature]
            cotangent = sum(parts[1:], parts[0])
        return cotangent


def _differentiable(layer: keras.layers.Layer) -> Stage:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow_stage(layer)
    if backend == "jax":
        return _jax_stage(layer)
    if backend == "torch":
        return _torch_stage(layer)
    raise NotImplementedError(f"Expected backend tensorflow, jax or torch, got {backend!r}.")


def _expression(outputs: Any) -> Any:
    """Returns the expression in the outputs of a final block, or the outputs of any other layer unchanged."""
    return outputs["expression"] if isinstance(outputs, dict) else outputs


def _tensorflow_stage(layer: keras.layers.Layer) -> Stage:
    import tensorflow as tf

    def compiled(function):
        function = tf.function(function, autograph=False, jit_compile=False)
        # A direct call of `function` would cause a warning about excessive retracing, because TensorFlow counts the calls over all layers.
        return lambda *tensors: function.get_concrete_function(*tensors)(*tensors)

    def answer(features):
        return _expression(layer(features))

    def pull_back(features, cotangent):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(features)
            answers = answer(features)
        return tape.gradient(answers, features, cotangent)

    return Stage(compiled(answer), compiled(pull_back))


def _jax_stage(layer: keras.layers.Layer) -> Stage:
    import jax

    # The weights are arguments of the compiled function, because XLA would try to fold them if they were constants.
    weights = [[variable.value for variable in kind] for kind in (layer.trainable_variables, layer.non_trainable_variables)]

    @jax.jit
    def answer(weights, features):
        return _expression(layer.stateless_call(*weights, features)[0])

    @jax.jit
    def pull_back(weights, features, cotangent):
        return jax.vjp(functools.partial(answer, weights), features)[1](cotangent)[0]

    return Stage(functools.partial(answer, weights), functools.partial(pull_back, weights))


def _torch_stage(layer: keras.layers.Layer) -> Stage:
    import torch

    def answer(features):
        with torch.no_grad():
            return _expression(layer(features))

    def pull_back(features, cotangent):
        with torch.enable_grad():
            features = features.detach().requires_grad_()
            return torch.autograd.grad(_expression(layer(features)), features, cotangent)[0]

    return Stage(answer, pull_back)
