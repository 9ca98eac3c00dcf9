"""Losses that can be selected by name and replace the loss of the final block.

The network gives missing targets a weight of 0.
"""

from collections.abc import Callable

import keras
from keras import ops

from dreamkeras.errors import ModelError
from dreamkeras.training import names

__all__ = ["LOSSES", "PearsonLoss", "find_loss"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class PearsonLoss(keras.losses.Loss):
    """Loss based on Pearson's r over a batch.

    The loss is the sum of 1 - r, the squared difference of the measured and predicted means, and the squared difference of their standard
    deviations. Both squared differences are divided by the variance of the measured values. Because of the squared differences, predictions
    stay in the units of the targets. The mean squared error has the same three terms, but multiplies 1 - r by twice the product of the two
    standard deviations. In `PearsonLoss`, the weight of 1 - r does not depend on the predictions.

    Example:
        >>> round(float(PearsonLoss()([[1.0], [2.0], [3.0]], [[2.0], [3.0], [4.0]])), 5)  # r 1, the mean 1 too high, variance 2/3
        1.5
    """

    def __init__(self, name="pearson"):
        super().__init__(name=name)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Returns the loss for values `(batch, 1)` with sample weights `(batch,)`, as a scalar."""
        measured, predicted = (ops.cast(ops.reshape(values, (-1,)), "float32") for values in (y_true, y_pred))
        weight = ops.ones_like(measured) if sample_weight is None else ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        weight = weight / ops.maximum(ops.sum(weight), 1e-7)
        means = [ops.sum(weight * values) for values in (measured, predicted)]
        measured, predicted = measured - means[0], predicted - means[1]
        # 1e-6 is added to the variance. If all predictions are equal, their variance is 0, and the square root has no gradient at 0.
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
    """Returns a new instance of the loss with the given name.

    Raises:
        ModelError: The name is unknown. The message lists all losses.
    """
    if name not in LOSSES:
        raise ModelError(f"Expected one of the losses {', '.join(LOSSES)}, got {name!r}.")
    return LOSSES[name]()
