"""Optimisers: Lion and AdamW. AdamW accepts a schedule for beta_1, because one-cycle training changes beta_1.

Both optimisers can clip gradients by norm and by value.
"""

import math
from typing import Any

import keras
from keras import ops

__all__ = ["ClippedLion", "CyclingAdamW"]


class ClippingOptimizer(keras.optimizers.Optimizer):
    """Base class of optimisers that clip gradients and can have a lower learning rate for some variables.

    Gradients are clipped by their global norm and then by value. The method `slow_down` lowers the learning rate of variables.

    Optimisers of Keras clip either by norm or by value, and have one learning rate for all variables.

    Args:
        clip_norm: Maximum norm of the vector that contains all gradients. If None, the norm is not clipped.
        clip_value: Maximum absolute value of a gradient. If None, values are not clipped.
    """

    def __init__(self, *args, clip_norm=None, clip_value=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self._shares = {}

    def slow_down(self, variables, share):
        """Multiplies the learning rate and the weight decay of some variables by `share` in all following steps."""
        self._shares |= {self._var_key(variable): share for variable in variables}

    def update_step(self, gradient, variable, learning_rate):
        """Applies the weight decay and the update to one variable, with the learning rate of this variable."""
        if share := self._shares.get(self._var_key(variable)):
            learning_rate = learning_rate * share
        if self.weight_decay and self._use_weight_decay(variable):
            self.assign_sub(variable, variable * ops.cast(self.weight_decay * learning_rate, variable.dtype))
        self.move(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        """Does nothing, because `update_step` applies the decay.

        The inherited method would use the same learning rate for all variables.
        """

    def move(self, gradient, variable, learning_rate):
        """Updates one variable with the given learning rate."""
        super().update_step(gradient, variable, learning_rate)

    def apply(self, grads, trainable_variables=None):
        """Applies one step with clipped gradients."""
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
    """AdamW with schedules for the learning rate and for beta_1. The steps are equal to the steps of AdamW in torch.

    The AdamW of Keras reads beta_1 only once, when the step is compiled, and adds epsilon before the bias correction.

    Args:
        learning_rate: Number or schedule.
        beta_1: Decay of the moving average of the gradient, as a number or a schedule.
        epsilon: Number added to the square root of the bias-corrected second moment.
        **kwargs: `clip_norm`, `clip_value`, and arguments of `keras.optimizers.AdamW`.

    Reference:
        Loshchilov and Hutter 2019; momentum cycling: Smith and Topin 2018.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, epsilon=1e-8, **kwargs):
        beta_1 = keras.saving.deserialize_keras_object(beta_1) if isinstance(beta_1, dict) else beta_1
        super().__init__(learning_rate, beta_1=beta_1, epsilon=epsilon, **kwargs)
        self._common: tuple[Any, ...] = ()

    def apply(self, grads, trainable_variables=None):
        """Applies one step.

        Values that are the same for all variables are computed once. As a result, only a third of the operations has to be compiled.
        """
        step = ops.cast(self.iterations + 1, "float32")
        beta_1 = ops.cast(self.beta_1(self.iterations) if callable(self.beta_1) else self.beta_1, "float32")
        # `share` is 1 - beta_2 ** step. A direct computation in float32 would have only three correct digits in the first steps.
        share = -ops.expm1(step * math.log(self.beta_2))
        self._common = beta_1, 1 - ops.power(beta_1, step), share
        super().apply(grads, trainable_variables)
        self._common = ()  # the values are valid only in this step, or while this step is traced for compilation

    def move(self, gradient, variable, learning_rate):
        """Updates one variable with the given learning rate."""
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        gradient, rate, beta_1, mean_share, share = (ops.cast(value, variable.dtype) for value in (gradient, learning_rate, *self._common))
        self.assign(mean, mean * beta_1 + gradient * (1 - beta_1))
        self.assign(square, square * self.beta_2 + ops.square(gradient) * (1 - self.beta_2))
        deviation = ops.sqrt(square / share) + self.epsilon
        self.assign_sub(variable, rate / mean_share * mean / deviation)

    def get_config(self):
        """Returns the arguments. The configuration of a schedule is returned in place of the schedule."""
        beta_1 = keras.saving.serialize_keras_object(self.beta_1) if callable(self.beta_1) else self.beta_1
        return {**super().get_config(), "beta_1": beta_1}


@keras.saving.register_keras_serializable(package="dreamkeras")
class ClippedLion(ClippingOptimizer, keras.optimizers.Lion):
    """The optimiser Lion, which changes every weight by the learning rate in each step.

    The sign of the change is determined by the moving average of the gradient.

    Args:
        **kwargs: `clip_norm`, `clip_value`, and arguments of `keras.optimizers.Lion`.

    Reference:
        Chen et al. 2023.
    """
