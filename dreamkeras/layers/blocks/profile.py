"""The final block that answers where reads begin, position by position, and how many do."""

import numpy as np
from keras import layers, ops

from dreamkeras.errors import ModelError
from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.initializers import FanInUniform
from dreamkeras.layers.slots import register_block

__all__ = ["ProfileFinal", "middle"]


def middle(features, length):
    """The positions in the middle of `(batch, positions, ...)`; as many are left out on either side."""
    first = (features.shape[1] - length) // 2
    return features[:, first : first + length]


@register_block("profile")
class ProfileFinal(ScaledFinal):
    """How the reads of a window spread over the positions in its middle, and ln(1 + reads), their number.

    A convolution over wide stretches of the features gives a logit a position; a dense layer over the mean of all features the number.
    The loss is the surprise at where each read begins, in nats, divided by the reads of a typical window, plus a share of the squared
    error of the logarithm: the reference's, whose weight of the counts is a tenth of the median reads, divided by that median.

    Args:
        positions: Positions of the profile.
        window: Letters that the network sees, of which these are the middle.
        kernel_size: Positions that each logit sees; odd.
        counts_weight: What a squared error of 1 of the logarithm costs, beside a nat a read.

    Shape:
        `(batch, length, channels)` in, with a length from `positions` to `window`; `"expression"` `(batch, 1)`, ln(1 + reads), and
        `"profile"` `(batch, positions)`, logits.

    Raises:
        ValueError: The features are of another length, or have no middle.

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
        """The block for the profile of an assay.

        Raises:
            ModelError: The assay has none.
        """
        if assay.profile is None:
            raise ModelError(f"Expected an assay with a profile for {cls.__name__}, got {assay.name}.")
        return cls(positions=assay.profile, window=assay.construct.length)

    def build(self, input_shape):
        length = input_shape[1]
        if not self.positions <= length <= self.window or (length - self.positions) % 2:
            raise ValueError(f"Expected {self.positions} to {self.window} positions with {self.positions} in the middle, got {length}.")
        self.profile.build(input_shape)
        self.counts.build((input_shape[0], input_shape[-1]))
        self.reads = self.add_weight(name="reads", shape=(), initializer="ones", dtype="float32", autocast=False, trainable=False)
        super().build(input_shape)

    def fit_scale(self, targets):
        """Takes mean and deviation of the logarithms `(n, 1)`, and the median of the reads."""
        super().fit_scale(targets)
        self.reads.assign(max(1.0, float(np.median(np.expm1(targets)))))

    def call(self, features):
        seen = min(features.shape[1], self.positions + self.kernel_size - 1)
        near = middle(features, seen)  # what no logit sees need not be convolved
        logits = middle(self.profile(near), self.positions)[:, :, 0]
        return {"expression": self.in_units(self.counts(ops.mean(features, axis=1))), "profile": ops.cast(logits, "float32")}

    def total_loss(self, truth, outputs, sample_weight=None):
        """The loss, over the mean of a batch.

        Args:
            truth: `"expression"` `(batch, 1)` and `"profile"`, the reads at each position `(batch, positions)`.
            outputs: What `call` returned.
            sample_weight: float32 `(batch,)`; None weighs all alike.
        """
        surprise = -ops.sum(ops.multiply(truth["profile"], ops.log_softmax(outputs["profile"], axis=-1)), axis=-1)
        error = ops.square(ops.subtract(truth["expression"], outputs["expression"]))[:, 0]
        loss = surprise / self.reads + self.counts_weight * error
        return ops.mean(loss if sample_weight is None else loss * ops.reshape(sample_weight, (-1,)))

    def get_config(self):
        options = {name: getattr(self, name) for name in ("positions", "window", "kernel_size", "counts_weight")}
        return {**{name: value for name, value in super().get_config().items() if name != "tasks"}, **options}
