"""Losses by name, for networks whose final block's own is not wanted. Which targets are there is the network's matter."""

from collections.abc import Callable

import keras
from keras import ops

from dreamkeras.errors import ModelError
from dreamkeras.training import names

__all__ = ["LOSSES", "PearsonLoss", "find_loss"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class PearsonLoss(keras.losses.Loss):
    """1 - r over a batch, and what keeps predictions in their units: the squared differences of mean and deviation.

    The mean squared error is the sum of these three parts, the first times twice the product of both deviations; here the
    correlation counts as much for weak predictions as for strong ones. Differences are relative to the measured variance.

    Example:
        >>> round(float(PearsonLoss()([[1.0], [2.0], [3.0]], [[2.0], [3.0], [4.0]])), 5)  # r 1, the mean 1 too high, variance 2/3
        1.5
    """

    def __init__(self, name="pearson"):
        super().__init__(name=name)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """A scalar from `(batch, 1)` values and `(batch,)` weights."""
        measured, predicted = (ops.cast(ops.reshape(values, (-1,)), "float32") for values in (y_true, y_pred))
        weight = ops.ones_like(measured) if sample_weight is None else ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        weight = weight / ops.maximum(ops.sum(weight), 1e-7)
        means = [ops.sum(weight * values) for values in (measured, predicted)]
        measured, predicted = measured - means[0], predicted - means[1]
        # The root has no gradient at 0, where all predictions of a batch are alike.
        variance, other = (ops.sum(weight * ops.square(values)) + 1e-6 for values in (measured, predicted))
        r = ops.sum(weight * measured * predicted) / ops.sqrt(variance * other)
        shift, spread = means[1] - means[0], ops.sqrt(other) - ops.sqrt(variance)
        return 1 - r + (ops.square(shift) + ops.square(spread)) / variance

    def get_config(self):
        return {"name": self.name}


LOSSES: dict[str, Callable[[], keras.losses.Loss]] = dict(
    zip(names.LOSSES, (keras.losses.MeanSquaredError, keras.losses.Huber, keras.losses.MeanAbsoluteError, PearsonLoss), strict=True)
)


def find_loss(name: str) -> keras.losses.Loss:
    """A new loss of this name.

    Raises:
        ModelError: There is none; the message lists those there are.
    """
    if name not in LOSSES:
        raise ModelError(f"Expected one of the losses {', '.join(LOSSES)}, got {name!r}.")
    return LOSSES[name]()
