"""The final block that predicts the number of reads and the distribution of their start positions."""

import numpy as np
from keras import layers, ops

from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.initializers import FanInUniform
from dreamkeras.layers.slots import register_block

__all__ = ["ProfileFinal", "middle"]


def middle(features, length):
    """Returns the central `length` positions of a tensor `(batch, positions, ...)`."""
    first = (features.shape[1] - length) // 2
    return features[:, first : first + length]


@register_block("profile")
class ProfileFinal(ScaledFinal):
    """Final block that predicts ln(1 + reads) of a window, and a profile: the distribution of the reads over the central positions.

    A wide convolution over the features computes the profile's logits. A dense layer over the mean of all features computes ln(1 + reads).
    The profile loss is the negative log-likelihood of the read positions in nats, divided by the median number of reads in a window. The
    total loss is the profile loss plus `counts_weight` times the squared error of ln(1 + reads). With the default `counts_weight`, the loss
    is ChromBPNet's loss divided by the median number of reads.

    Args:
        positions: Number of positions of the profile.
        window: Length of the network's window. The profile is in the centre of the window.
        kernel_size: Width of the convolution in positions. Must be odd.
        counts_weight: Weight of the squared error of ln(1 + reads) in the loss.

    Shape:
        Input `(batch, length, channels)`, with a length from `positions` to `window`. Outputs `"expression"` `(batch, 1)`, which is
        ln(1 + reads), and `"profile"` `(batch, positions)`, which are logits.

    Raises:
        ValueError: The length of the features is out of range, or the profile cannot be centred in the features.

    Reference:
        Avsec et al. 2021 (BPNet); Pampari et al. 2024 (ChromBPNet); Rafi et al. 2024.
    """

    has_profile = True

    def __init__(self, positions=1000, window=2114, kernel_size=75, counts_weight=0.1, **kwargs):
        super().__init__(tasks=1, **kwargs)
        self.positions, self.window, self.kernel_size, self.counts_weight = positions, window, kernel_size, counts_weight
        options = {"kernel_initializer": FanInUniform(), "dtype": self.dtype_policy}
        self.profile = Conv1D(1, kernel_size, name="profile", **options)
        self.counts = layers.Dense(1, name="counts", **options)

    @classmethod
    def for_assay(cls, assay):
        """Builds the block with the assay's profile length and window length.

        Raises:
            ModelError: The assay has no profile.
        """
        if assay.profile is None:
            raise ModelError(f"Expected an assay with a profile for {cls.__name__}, got {assay.name}.")
        return cls(positions=assay.profile, window=assay.construct.length)

    def build(self, input_shape):
        length = input_shape[1]
        if not self.positions <= length <= self.window:
            raise ValueError(f"Expected features with {self.positions} to {self.window} positions, got {length}.")
        if (length - self.positions) % 2:
            raise ValueError(f"Cannot centre a profile of {self.positions} positions in {length} positions: the difference must be even.")
        self.profile.build(input_shape)
        self.counts.build((input_shape[0], input_shape[-1]))
        self.reads = self.add_weight(name="reads", shape=(), initializer="ones", dtype="float32", autocast=False, trainable=False)
        super().build(input_shape)

    def fit_scale(self, targets):
        """Computes the offset, the scale and the median number of reads from ln(1 + reads) `(n, 1)` of the training windows."""
        super().fit_scale(targets)
        self.reads.assign(max(1.0, float(np.median(np.expm1(targets)))))

    def call(self, features):
        seen = min(features.shape[1], self.positions + self.kernel_size - 1)
        near = middle(features, seen)  # omits positions that do not affect the logits
        logits = middle(self.profile(near), self.positions)[:, :, 0]
        return {"expression": self.in_units(self.counts(ops.mean(features, axis=1))), "profile": ops.cast(logits, "float32")}

    def total_loss(self, truth, outputs, sample_weight=None):
        """Computes the loss, averaged over the batch.

        Args:
            truth: A dictionary. `"expression"` is ln(1 + reads), `(batch, 1)`. `"profile"` is the number of reads at each position,
                `(batch, positions)`.
            outputs: The dictionary returned by `call`.
            sample_weight: float32 `(batch,)`. If None, all samples have the same weight.
        """
        surprise = -ops.sum(ops.multiply(truth["profile"], ops.log_softmax(outputs["profile"], axis=-1)), axis=-1)
        error = ops.square(ops.subtract(truth["expression"], outputs["expression"]))[:, 0]
        loss = surprise / self.reads + self.counts_weight * error
        return ops.mean(loss if sample_weight is None else loss * ops.reshape(sample_weight, (-1,)))

    def get_config(self):
        options = {name: getattr(self, name) for name in ("positions", "window", "kernel_size", "counts_weight")}
        return {**{name: value for name, value in super().get_config().items() if name != "tasks"}, **options}
