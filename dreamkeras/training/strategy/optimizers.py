"""AdamW whose beta_1 may follow a schedule, as one-cycle training wants it, and Lion; both may clip by norm and by value."""

import math
from typing import Any

import keras
from keras import ops

__all__ = ["ClippedLion", "CyclingAdamW"]


class ClippingOptimizer(keras.optimizers.Optimizer):
    """Optimisers that clip the gradients' common norm and then each of their values, and move some variables less than others.

    Keras's own clip by one or the other, and move all alike.

    Args:
        clip_norm: Highest norm of all gradients as one vector; None leaves it.
        clip_value: Highest magnitude of a value; None leaves it.
    """

    def __init__(self, *args, clip_norm=None, clip_value=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self._shares = {}

    def slow_down(self, variables, share):
        """From now on each step moves and decays these variables by a share of what it would."""
        self._shares |= {self._var_key(variable): share for variable in variables}

    def update_step(self, gradient, variable, learning_rate):
        """One step of one variable, decayed first, at its own rate."""
        if share := self._shares.get(self._var_key(variable)):
            learning_rate = learning_rate * share
        if self.weight_decay and self._use_weight_decay(variable):
            self.assign_sub(variable, variable * ops.cast(self.weight_decay * learning_rate, variable.dtype))
        self.move(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        """Nothing: `update_step` does it. Keras's own knows one rate for all, and computes it anew for each."""

    def move(self, gradient, variable, learning_rate):
        """One step of one variable at this rate."""
        super().update_step(gradient, variable, learning_rate)

    def apply(self, grads, trainable_variables=None):
        """One step with the clipped gradients."""
        grads = list(grads)
        if self.clip_norm is not None:
            squares = [ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in grads if gradient is not None]
            share = ops.minimum(1.0, self.clip_norm / (ops.sqrt(sum(squares)) + 1e-6))
            grads = [None if gradient is None else gradient * ops.cast(share, gradient.dtype) for gradient in grads]
        if self.clip_value is not None:
            grads = [None if gradient is None else ops.clip(gradient, -self.clip_value, self.clip_value) for gradient in grads]
        super().apply(grads, trainable_variables)

    def get_config(self):
        return {**super().get_config(), "clip_norm": self.clip_norm, "clip_value": self.clip_value}


@keras.saving.register_keras_serializable(package="dreamkeras")
class CyclingAdamW(ClippingOptimizer, keras.optimizers.AdamW):
    """AdamW, step by step as torch's, with a schedule for beta_1 beside the one for the learning rate.

    Keras's own reads beta_1 once, when the step is compiled, and adds epsilon before the bias correction, not after.

    Args:
        learning_rate: A number or a schedule.
        beta_1: A number or a schedule: the decay of the mean gradient.
        epsilon: Added to the root of the corrected second moment.
        **kwargs: `clip_norm`, `clip_value`, and those of `keras.optimizers.AdamW`.

    Reference:
        Loshchilov and Hutter 2019; momentum cycling: Smith and Topin 2018.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, epsilon=1e-8, **kwargs):
        beta_1 = keras.saving.deserialize_keras_object(beta_1) if isinstance(beta_1, dict) else beta_1
        super().__init__(learning_rate, beta_1=beta_1, epsilon=epsilon, **kwargs)
        self._common: tuple[Any, ...] = ()

    def apply(self, grads, trainable_variables=None):
        """One step; what all variables have in common is computed once, which leaves a third of the operations to compile."""
        step = ops.cast(self.iterations + 1, "float32")
        beta_1 = ops.cast(self.beta_1(self.iterations) if callable(self.beta_1) else self.beta_1, "float32")
        # 1 - beta_2 ** step, which in float32 would keep only three digits of its first steps.
        share = -ops.expm1(step * math.log(self.beta_2))
        self._common = beta_1, 1 - ops.power(beta_1, step), share
        super().apply(grads, trainable_variables)
        self._common = ()  # they are this step's, or the trace's that compiles it

    def move(self, gradient, variable, learning_rate):
        """One step of one variable at this rate."""
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        gradient, rate, beta_1, mean_share, share = (ops.cast(value, variable.dtype) for value in (gradient, learning_rate, *self._common))
        self.assign(mean, mean * beta_1 + gradient * (1 - beta_1))
        self.assign(square, square * self.beta_2 + ops.square(gradient) * (1 - self.beta_2))
        deviation = ops.sqrt(square / share) + self.epsilon
        self.assign_sub(variable, rate / mean_share * mean / deviation)

    def get_config(self):
        """The arguments; a schedule as its own configuration."""
        beta_1 = keras.saving.serialize_keras_object(self.beta_1) if callable(self.beta_1) else self.beta_1
        return {**super().get_config(), "beta_1": beta_1}


@keras.saving.register_keras_serializable(package="dreamkeras")
class ClippedLion(ClippingOptimizer, keras.optimizers.Lion):
    """Lion: every weight moves by the rate, in the direction of the mean gradient's sign.

    Args:
        **kwargs: `clip_norm`, `clip_value`, and those of `keras.optimizers.Lion`.

    Reference:
        Chen et al. 2023.
    """
