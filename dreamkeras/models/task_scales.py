"""TaskScales: a layer that converts predictions to the table's unit, and computes the losses of binary tasks and of counts."""

import math

import keras
import numpy as np
from keras import ops

from dreamkeras.sequence.task_scale import LARGEST_PREDICTION, TaskScale

__all__ = ["TaskScales", "log_gamma"]

SHIFT = 8
"""Argument from which Stirling's series is accurate to the precision of float32."""

LOG_DISPERSIONS = (-7.0, 7.0)
"""Smallest and largest natural logarithm of the dispersion of counts. With the smallest one, the variance of counts below 100 is within
10 % of the variance of a Poisson distribution."""

MARGIN = 2.0
"""Distance of the limits of predictions from the range of the training values, in standard deviations on the scale of the network.

Without limits, an inaccurate prediction far outside the training data could be larger than all others by many orders of magnitude.
"""

UNLIMITED = float(np.finfo(np.float32).max)
"""Limit of tasks without limits: binary tasks, and values without a transformation."""


class TaskScales(keras.layers.Layer):
    """Layer for tasks that have a transformation or another kind than `"value"`.

    The layer returns its input, the predictions on the scale of the network. `natural` converts them to the table's unit. For counts, the
    layer has a trained weight for each task: the natural logarithm of the dispersion of the negative binomial distribution, whose variance
    is mean + dispersion * mean^2.

    Converted predictions of counts and of transformed values are limited to the range of the training values and `MARGIN` beyond it.

    Args:
        scales: The `TaskScale` of each task.

    Shape:
        `(batch, tasks)` in and out, float32.
    """

    def __init__(self, scales: tuple[TaskScale, ...], **kwargs):
        super().__init__(**{"dtype": "float32", "name": "task_scales", **kwargs})
        self.scales = tuple(scales)
        self.counts = [place for place, scale in enumerate(self.scales) if scale.kind == "counts"]

    def build(self, input_shape):
        unlimited = np.repeat(np.array([[-UNLIMITED], [UNLIMITED]], np.float32), len(self.scales), axis=1)
        self.limits = self.add_weight(name="limits", shape=unlimited.shape, initializer="zeros", trainable=False)
        self.limits.assign(unlimited)
        if self.counts:
            self.log_dispersion = self.add_weight(name="log_dispersion", shape=(len(self.counts),), initializer="zeros")
        super().build(input_shape)

    def call(self, expression):
        return expression

    def compute_output_shape(self, input_shape):
        return input_shape

    def natural(self, expression):
        """Converts predictions `(batch, tasks)` on the scale of the network to the table's unit."""
        return _by_task(self.scales, _NATURAL, ops.clip(expression, self.limits[0], self.limits[1]))

    def fitted(self, expression):
        """Converts predictions `(batch, tasks)` to the scale of the measured values in training: probabilities and expected counts.

        The predictions are not limited, because the limits are a variable, which the metrics of Keras cannot read on JAX.
        """
        return _by_task([TaskScale(kind=scale.kind) for scale in self.scales], _NATURAL, expression)

    def values_alone(self, targets):
        """Replaces the targets of all tasks of other kinds than `"value"` with NaN, so that other losses ignore them."""
        is_value = ops.convert_to_tensor([[scale.kind == "value" for scale in self.scales]])
        return ops.where(is_value, targets, math.nan)

    def loss(self, targets, expression, sample_weight=None):
        """Computes the mean negative log-likelihood of each binary task and each task of counts, in nats, and returns the sum over tasks.

        Args:
            targets: Measured values, float32 `(batch, tasks)`, with NaN for missing values.
            expression: Predictions on the scale of the network, float32 `(batch, tasks)`.
            sample_weight: float32 `(batch,)`. If None, all samples have the same weight.
        """
        given = None if sample_weight is None else ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        total = 0.0
        for place, scale in enumerate(self.scales):
            if scale.kind != "value":
                present = ops.logical_not(ops.isnan(targets[:, place]))
                weight = ops.cast(present, "float32") * (1.0 if given is None else given)
                surprise = self._surprise(place, ops.where(present, targets[:, place], 0.0), expression[:, place])
                total = total + ops.sum(weight * surprise) / ops.maximum(ops.sum(weight), 1e-7)
        return total

    def _surprise(self, place, targets, predicted):
        if self.scales[place].kind == "binary":
            return ops.softplus(predicted) - targets * predicted
        log_dispersion = ops.clip(self.log_dispersion[self.counts.index(place)], *LOG_DISPERSIONS)
        size, odds = ops.exp(-log_dispersion), predicted + log_dispersion
        fixed = log_gamma(targets + size) - log_gamma(size) - log_gamma(targets + 1.0)
        return (targets + size) * ops.softplus(odds) - targets * odds - fixed

    def fit(self, final, targets):
        """Sets the limits of predictions, the scale of the final block for binary tasks and counts, and the first dispersions.

        The output of the final block is not standardised for these tasks: its scale is 1, and its offset is the logit of the mean or the
        logarithm of the mean. The first dispersion of counts follows from their mean and variance.

        Args:
            final: The final block. Only a block with the method `fix_scale` is changed.
            targets: Training values on the scale of the loss, float32 `(n, tasks)`, with NaN for missing values.
        """
        limits = np.array(ops.convert_to_numpy(self.limits))
        for place, scale in enumerate(self.scales):
            values = targets[:, place].astype(np.float64)
            values = values[~np.isnan(values)]
            if len(values) and (scale.kind == "counts" or scale.transform != "none"):
                limits[:, place] = _limits(np.log(values + 0.5) if scale.kind == "counts" else values)
            if scale.kind == "value" or not len(values):
                continue
            # Half a count more of each outcome keeps the offset finite if all values are 0 or all values are 1.
            mean = (values.sum() + 0.5) / (len(values) + (1 if scale.kind == "binary" else 0.5))
            if hasattr(final, "fix_scale"):
                final.fix_scale(place, float(scale.network(mean)))
            if scale.kind == "counts":
                start = np.array(ops.convert_to_numpy(self.log_dispersion))
                start[self.counts.index(place)] = np.log(np.clip((values.var() - mean) / mean**2, 0.01, 100))
                self.log_dispersion.assign(start)
        self.limits.assign(limits)


def _limits(values):
    margin = MARGIN * values.std()
    return [values.min() - margin, values.max() + margin] if margin else [-UNLIMITED, UNLIMITED]


def log_gamma(values):
    """Returns the natural logarithm of the gamma function of positive numbers, by Stirling's series. Keras has no such operator."""
    shifted = values + SHIFT
    added = sum(ops.log(values + float(step)) for step in range(SHIFT))
    inverse = 1.0 / shifted
    series = inverse * (1 / 12 - ops.square(inverse) * (1 / 360 - ops.square(inverse) / 1260))
    return (shifted - 0.5) * ops.log(shifted) - shifted + 0.5 * math.log(2 * math.pi) + series - added


def _by_task(scales, functions, expression):
    if len(set(scales)) == 1:
        return functions[scales[0].kind, scales[0].transform](expression, scales[0])
    columns = [functions[scale.kind, scale.transform](expression[:, i : i + 1], scale) for i, scale in enumerate(scales)]
    return ops.concatenate(columns, axis=1)


def _bounded_exp(values):
    return ops.exp(ops.minimum(values, math.log(LARGEST_PREDICTION)))


def _sinh(values, _scale):
    most = math.asinh(LARGEST_PREDICTION)
    return ops.sinh(ops.clip(values, -most, most))


_NATURAL = {
    ("value", "none"): lambda values, _: values,
    ("value", "log2"): lambda values, scale: _bounded_exp(values * math.log(2)) - scale.offset,
    ("value", "log1p"): lambda values, _: _bounded_exp(values) - 1,
    ("value", "asinh"): _sinh,
    ("binary", "none"): lambda values, _: ops.sigmoid(values),
    ("counts", "none"): lambda values, _: _bounded_exp(values),
}
"""Function from the scale of the network to the table's unit, for each kind and transformation."""
