"""Schedules for the learning rate and for beta_1, which are functions of the optimiser step."""

import math

import keras
from keras import ops

__all__ = ["Noam", "OneCycle"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """One-cycle schedule, which rises from `start` to `peak` and then falls to `end`. The rise and the fall are half cosines.

    Args:
        start: Value at step 0.
        peak: Value at the end of the rise.
        end: Value at the last step of the cycle and at later steps.
        steps: Number of optimiser steps in the cycle.
        rise: Fraction of the steps during which the value rises.

    Reference:
        Smith and Topin 2018. The values are equal to those of `OneCycleLR` in torch.

    Example:
        >>> float(OneCycle(start=1.0, peak=3.0, end=0.0, steps=101)(100))
        0.0
    """

    def __init__(self, start, peak, end, steps, rise=0.3):
        if steps < 1 or not 0 < rise < 1:
            raise ValueError(f"Expected at least 1 step and a rise between 0 and 1, got {steps} steps and a rise of {rise}.")
        self.start, self.peak, self.end, self.steps, self.rise = start, peak, end, steps, rise

    def __call__(self, step):
        """Returns the value at an optimiser step, counted from 0."""
        step = ops.cast(step, "float32")
        top, last = self.rise * self.steps - 1, self.steps - 1
        rising = _half_cosine(self.start, self.peak, step / max(top, 1e-6))
        falling = _half_cosine(self.peak, self.end, (step - top) / (last - top))
        return ops.where(step <= top, rising, falling)

    def get_config(self):
        return {"start": self.start, "peak": self.peak, "end": self.end, "steps": self.steps, "rise": self.rise}


@keras.saving.register_keras_serializable(package="dreamkeras")
class Noam(keras.optimizers.schedules.LearningRateSchedule):
    """Noam schedule: a linear rise to `peak`, then a decay with the inverse square root of the step.

    Args:
        peak: Maximum value, reached at the end of the rise. Vaswani et al. use `(width * rise) ** -0.5`.
        rise: Number of optimiser steps during which the value rises.

    Reference:
        Vaswani et al. 2017, eq. 3.

    Example:
        >>> [float(Noam(peak=1.0, rise=4)(step)) for step in (0, 3, 15)]
        [0.25, 1.0, 0.5]
    """

    def __init__(self, peak, rise):
        if rise < 1:
            raise ValueError(f"Expected a rise of at least 1 step, got {rise}.")
        self.peak, self.rise = peak, rise

    def __call__(self, step):
        """Returns the value at an optimiser step, counted from 0."""
        number = ops.cast(step, "float32") + 1
        return self.peak * ops.minimum(number / self.rise, ops.sqrt(self.rise / number))

    def get_config(self):
        return {"peak": self.peak, "rise": self.rise}


def _half_cosine(begin, end, share):
    return end + (begin - end) / 2 * (1 + ops.cos(math.pi * ops.clip(share, 0, 1)))
