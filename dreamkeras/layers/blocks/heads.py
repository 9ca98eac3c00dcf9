"""Final blocks that answer with numbers: values in the assay's units, by way of a scale that fits the training targets."""

import keras
import numpy as np
from keras import layers, ops

from dreamkeras.layers.parts.initializers import FanOutNormal
from dreamkeras.layers.slots import FinalLayers

__all__ = ["AutosomeRegressionFinal", "ScaledFinal"]


class ScaledFinal(FinalLayers):
    """A final block that computes standardised values and answers in the assay's units.

    A subclass sets its layers, calls `super().build`, returns `{"expression": self.in_units(values)}` from `call`, and may have a
    `penalty` of its own. The scale is 1 and the offset 0 until `fit_scale` is called.

    Args:
        tasks: Number of values a sequence.
    """

    def __init__(self, tasks=1, **kwargs):
        super().__init__(**kwargs)
        self.tasks = tasks

    def build(self, input_shape):
        # Not cast down in mixed precision: an offset of 11 in bfloat16 would cost a digit.
        fixed = {"shape": (self.tasks,), "dtype": "float32", "autocast": False, "trainable": False}
        self.offset = self.add_weight(name="offset", initializer="zeros", **fixed)
        self.scale = self.add_weight(name="scale", initializer="ones", **fixed)
        super().build(input_shape)

    def fit_scale(self, targets):
        """Takes mean and standard deviation of each task from targets (n, tasks); NaN is no target, and a constant task keeps scale 1."""
        targets = np.asarray(targets, np.float64)  # sums of float32 lose an offset's digits
        deviation, largest = np.nanstd(targets, axis=0), np.nanmax(np.abs(targets), axis=0)
        self.offset.assign(np.nanmean(targets, axis=0))
        self.scale.assign(np.where(deviation > 1e-12 * largest, deviation, 1))  # a constant's deviation is rounding

    def in_units(self, values):
        """Standardised values `(batch, tasks)` in the assay's units, float32."""
        return ops.cast(values, "float32") * self.scale + self.offset

    def standardised(self, values):
        """Values in the assay's units, `(batch, tasks)`, as `in_units` takes them."""
        return (values - self.offset) / self.scale

    def penalty(self, difference):
        """What a standardised difference costs, elementwise; its square, unless a subclass says otherwise."""
        return ops.square(difference)

    def loss(self, targets, outputs, sample_weight=None):
        """The mean penalty of each task over the targets it has (NaN: none), summed over tasks."""
        present = ops.logical_not(ops.isnan(targets))
        difference = (ops.where(present, targets, 0) - outputs["expression"]) / self.scale
        weight = ops.cast(present, "float32")
        if sample_weight is not None:
            weight = weight * ops.cast(ops.reshape(sample_weight, (-1, 1)), "float32")
        total = ops.maximum(ops.sum(weight, axis=0), 1e-7)  # a batch may have no target of a task
        return ops.sum(ops.sum(weight * self.penalty(difference), axis=0) / total)

    def get_config(self):
        return {**super().get_config(), "tasks": self.tasks}


@keras.saving.register_keras_serializable(package="dreamkeras")
class AutosomeRegressionFinal(ScaledFinal):
    """autosome's final block for values that are no means of bins: a branch of its own for each task; squared error.

    Args:
        tasks: Number of values a sequence.
        channels: Width of each branch.

    Shape:
        `(batch, length, channels)` in; `"expression"` `(batch, tasks)`.

    Reference:
        Rafi et al. 2024, for human MPRA (one task) and Drosophila STARR-seq (two).
    """

    def __init__(self, tasks=1, channels=256, **kwargs):
        super().__init__(tasks, **kwargs)
        self.channels = channels
        policy = self.dtype_policy
        self.mappers = [layers.Dense(channels, kernel_initializer=FanOutNormal(), dtype=policy, name=f"mapper_{i}") for i in range(tasks)]
        self.linears = [layers.Dense(1, kernel_initializer=FanOutNormal(), dtype=policy, name=f"linear_{i}") for i in range(tasks)]

    def build(self, input_shape):
        for mapper, linear in zip(self.mappers, self.linears, strict=True):
            mapper.build((input_shape[0], input_shape[-1]))
            linear.build((input_shape[0], self.channels))
        super().build(input_shape)

    def call(self, features):
        pooled = ops.mean(features, axis=1)  # the mean of a linear map is the map of the mean
        branches = [linear(mapper(pooled)) for mapper, linear in zip(self.mappers, self.linears, strict=True)]
        return {"expression": self.in_units(ops.concatenate(branches, axis=-1))}

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}
