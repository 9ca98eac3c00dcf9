"""Final blocks for regression, which predict standardised values and convert them to the assay's units."""

import keras
import numpy as np
from keras import layers, ops

from dreamkeras.layers.parts.initializers import FanOutNormal
from dreamkeras.layers.slots import FinalLayers

__all__ = ["AutosomeRegressionFinal", "ScaledFinal"]


class ScaledFinal(FinalLayers):
    """Base class of final blocks that compute standardised values and return them in the assay's units.

    A subclass defines its layers, calls `super().build`, and returns `{"expression": self.in_units(values)}` from `call`. It can override
    `penalty`. Until `fit_scale` is called, values are not rescaled: the scale is 1 and the offset is 0.

    Args:
        tasks: Number of predicted values for each sequence.
    """

    def __init__(self, tasks=1, **kwargs):
        super().__init__(**kwargs)
        self.tasks = tasks

    def build(self, input_shape):
        # Offset and scale stay in float32 in mixed precision, because bfloat16 rounds numbers near 11 to multiples of 0.06.
        fixed = {"shape": (self.tasks,), "dtype": "float32", "autocast": False, "trainable": False}
        self.offset = self.add_weight(name="offset", initializer="zeros", **fixed)
        self.scale = self.add_weight(name="scale", initializer="ones", **fixed)
        super().build(input_shape)

    def fit_scale(self, targets):
        """Sets the offset and the scale of each task to the mean and the standard deviation of its targets.

        The scale of a task is 1 if its targets are constant or differ by less than float32 can represent.

        Args:
            targets: Measured values, float32 `(n, tasks)`, with NaN for missing values.
        """
        targets = np.asarray(targets, np.float64)  # sums in float32 are not precise enough for targets with a large mean
        deviation, largest = np.nanstd(targets, axis=0), np.nanmax(np.abs(targets), axis=0)
        self.offset.assign(np.nanmean(targets, axis=0))
        # A standard deviation below 1e-12 of the largest value is the rounding error of constant targets. Division by a number below the
        # smallest normal number of float32 gives NaN on some backends.
        least = np.maximum(1e-12 * largest, np.finfo(np.float32).tiny)
        self.scale.assign(np.where(deviation > least, deviation, 1))

    def fix_scale(self, task, offset):
        """Sets the scale of a task to 1 and its offset to a number. The output of such a task is a logit or a logarithm.

        Args:
            task: Index of the task.
            offset: The offset.
        """
        for variable, value in ((self.offset, offset), (self.scale, 1.0)):
            values = np.array(ops.convert_to_numpy(variable))
            values[task] = value
            variable.assign(values)

    def in_units(self, values):
        """Converts standardised values `(batch, tasks)` to the assay's units, float32."""
        return ops.cast(values, "float32") * self.scale + self.offset

    def standardised(self, values):
        """Standardises values `(batch, tasks)` in the assay's units. `standardised` is the inverse of `in_units`."""
        return (values - self.offset) / self.scale

    def penalty(self, difference):
        """Computes the loss of each standardised difference. The base class returns the squared differences."""
        return ops.square(difference)

    def loss(self, targets, outputs, sample_weight=None):
        """Computes the mean penalty of each task, ignoring missing targets (NaN), and returns the sum over tasks."""
        present = ops.logical_not(ops.isnan(targets))
        difference = (ops.where(present, targets, 0) - outputs["expression"]) / self.scale
        weight = ops.cast(present, "float32")
        if sample_weight is not None:
            weight = weight * ops.cast(ops.reshape(sample_weight, (-1, 1)), "float32")
        total = ops.maximum(ops.sum(weight, axis=0), 1e-7)  # avoids division by 0 if a batch has no targets for a task
        return ops.sum(ops.sum(weight * self.penalty(difference), axis=0) / total)

    def get_config(self):
        return {**super().get_config(), "tasks": self.tasks}


@keras.saving.register_keras_serializable(package="dreamkeras")
class AutosomeRegressionFinal(ScaledFinal):
    """Autosome's final block for assays without sorting bins: one linear branch for each task, trained with the squared error.

    Args:
        tasks: Number of predicted values for each sequence.
        channels: Width of each branch.

    Shape:
        Input `(batch, length, channels)`, output `"expression"` `(batch, tasks)`.

    Reference:
        Rafi et al. 2024, who use the block for human MPRA (one task) and Drosophila STARR-seq (two tasks).
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
        pooled = ops.mean(features, axis=1)  # the mean is computed before the linear layers, which then process fewer rows
        branches = [linear(mapper(pooled)) for mapper, linear in zip(self.mappers, self.linears, strict=True)]
        return {"expression": self.in_units(ops.concatenate(branches, axis=-1))}

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}
