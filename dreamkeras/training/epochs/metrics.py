"""Keras metric that computes Pearson's r over the batches of an epoch."""

import keras
import numpy as np
from keras import ops

from dreamkeras.training.epochs.selection import target_variances

__all__ = ["PearsonR"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class PearsonR(keras.metrics.Metric):
    """Metric that computes Pearson's r between measured and predicted values, as the mean over tasks.

    If the measured or predicted values of a task are constant, its r is 0.

    Missing values (NaN) are ignored. During training, the metric is a running estimate in float32.
    The function `statistics.correlation.pearson` computes the exact value.

    Args:
        tasks: Number of tasks.
        offset, scale: Values are standardised as (value - offset) / scale, to preserve precision in float32. The offset and the scale are
            either one number for all tasks or one number for each task.
    """

    def __init__(self, tasks=1, offset=0.0, scale=1.0, name="r", **kwargs):
        super().__init__(name=name, **kwargs)
        self.tasks, self.offset, self.scale = tasks, offset, scale
        # Moments about the mean are combined batch by batch (Chan et al. 1983), because plain sums of squares lose precision in float32.
        self.count = self.add_variable((tasks,), "zeros", name="count")
        self.means = self.add_variable((2, tasks), "zeros", name="means")
        self.squares = self.add_variable((2, tasks), "zeros", name="squares")
        self.products = self.add_variable((tasks,), "zeros", name="products")

    @classmethod
    def for_targets(cls, targets):
        """Creates the metric, with the mean and standard deviation of the targets (n, tasks) as offset and scale.

        Missing targets are NaN.
        """
        variances = target_variances(targets)
        least = float(np.finfo(np.float32).tiny) ** 2  # a scale below the smallest normal number of float32 gives NaN on some backends
        scale = np.sqrt(np.where(variances > least, variances, 1))
        measured = ~np.isnan(targets)
        means = np.where(measured, targets, 0).sum(axis=0, dtype=np.float64) / np.maximum(measured.sum(axis=0), 1)
        return cls(targets.shape[1], means.tolist(), scale.tolist())

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of measured and predicted values, each `(batch, tasks)`. Sample weights are ignored."""
        values = ops.stack([ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")])
        offset, scale = (ops.convert_to_tensor(units, "float32") for units in (self.offset, self.scale))
        values = (values - offset) / scale
        present = ops.logical_not(ops.isnan(values[0]))
        values = ops.where(present, values, 0.0)
        batch = ops.sum(ops.cast(present, "float32"), axis=0)
        means = ops.sum(values, axis=1) / ops.maximum(batch, 1.0)
        centred = ops.where(present, values - means[:, None, :], 0.0)
        total = self.count + batch
        share = batch / ops.maximum(total, 1.0)
        shift = means - self.means
        between = self.count * share
        self.squares.assign_add(ops.sum(ops.square(centred), axis=1) + ops.square(shift) * between)
        self.products.assign_add(ops.sum(centred[0] * centred[1], axis=0) + shift[0] * shift[1] * between)
        self.means.assign_add(shift * share)
        self.count.assign(total)

    def result(self):
        """Returns r over all batches since the last reset."""
        # Because of rounding errors, the computed variance of constant values can be slightly above 0.
        varying = ops.all(self.squares > 1e-12 * self.count * ops.square(self.means), axis=0)
        r = ops.divide_no_nan(self.products, ops.sqrt(self.squares[0]) * ops.sqrt(self.squares[1]))
        return ops.mean(ops.where(varying, r, 0.0))

    def get_config(self):
        """Returns the number of tasks, and the offset and scale for standardisation."""
        return {**super().get_config(), "tasks": self.tasks, "offset": self.offset, "scale": self.scale}
