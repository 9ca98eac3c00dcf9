"""Blocks of team autosome: motif scanners, an EfficientNet-like core, and a final block that predicts probabilities of sorting bins."""

from typing import ClassVar

from keras import layers, ops

from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.layers.parts.efficientnet import ConvNormSiLU, InvertedResidual
from dreamkeras.layers.parts.initializers import FanOutNormal
from dreamkeras.layers.slots import Core, FinalLayers, FirstLayers, register_block

__all__ = ["AutosomeCore", "AutosomeFinal", "AutosomeFirst", "soft_labels"]


@register_block("autosome")
class AutosomeFirst(FirstLayers):
    """Motif scanners: one convolution, batch normalisation and SiLU.

    Args:
        channels: Number of output channels.
        kernel_size: Width of the convolution in bases.

    Shape:
        Input `(batch, length, 4 + flags)`, output `(batch, length, channels)`.

    Reference:
        Penzar et al. 2023 (LegNet); Rafi et al. 2024.
    """

    def __init__(self, channels=256, kernel_size=7, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kernel_size = channels, kernel_size
        self.scan = ConvNormSiLU(channels, kernel_size, dtype=self.dtype_policy, name="scan")

    def build(self, input_shape):
        self.scan.build(input_shape)
        super().build(input_shape)

    def call(self, encoded, training=None):
        return self.scan(encoded, training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kernel_size": self.kernel_size}


@register_block("autosome")
class AutosomeCore(Core):
    """Core of LegNet as entered in the challenge: inverted residual steps, which keep the length of the sequence.

    Args:
        widths: Number of output channels of each step.

    Shape:
        Input `(batch, length, channels)`, output `(batch, length, widths[-1])`.

    Reference:
        Penzar et al. 2023 (LegNet); Rafi et al. 2024.
    """

    middle: ClassVar[dict[str, bool | int]] = {"group_channels": 2, "widen_input": False}
    """Options of each `InvertedResidual`."""

    def __init__(self, widths=(128, 128, 64, 64, 64, 64), **kwargs):
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        options = {**self.middle, "dtype": self.dtype_policy}
        self.steps = [InvertedResidual(width, name=f"step_{i}", **options) for i, width in enumerate(self.widths)]

    def build(self, input_shape):
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)
        super().build(input_shape)

    def stages(self):
        return self.steps

    def call(self, features, training=None):
        for step in self.steps:
            features = step(features, training=training)
        return features

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.widths[-1])

    def get_config(self):
        return {**super().get_config(), "widths": self.widths}


@register_block("autosome")
class AutosomeFinal(FinalLayers):
    """Final block that predicts expression as the expected value over the sorting bins. The block is trained with soft labels.

    Args:
        bins: Number of sorting bins. The bins have the values 0 to `bins - 1`.

    Shape:
        Input `(batch, length, channels)`, outputs `"expression"` `(batch, 1)`, on the scale of the bins, and `"logits"`
        `(batch, bins)`.

    Reference:
        Penzar et al. 2023, eq. 1 to 3.
    """

    def __init__(self, bins=18, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins
        self.mapper = layers.Dense(bins, kernel_initializer=FanOutNormal(), dtype=self.dtype_policy)

    @classmethod
    def for_assay(cls, assay):
        """Builds the block with the assay's number of sorting bins, or a regression block if the assay has no bins."""
        if assay.bins is None:
            return AutosomeRegressionFinal(tasks=len(assay.tasks))
        return cls(assay.bins)

    def build(self, input_shape):
        self.mapper.build((input_shape[0], input_shape[-1]))
        super().build(input_shape)

    def call(self, features):
        # The dense layer is linear, so the mean over positions can be computed before the layer, which then multiplies fewer rows.
        logits = ops.cast(self.mapper(ops.mean(features, axis=1)), "float32")
        values = ops.arange(self.bins, dtype="float32")
        return {"expression": ops.softmax(logits) @ values[:, None], "logits": logits}

    def loss(self, targets, outputs, sample_weight=None):
        """Computes the Kullback-Leibler divergence between the predictions and the soft labels of the targets `(batch, 1)`, in nats."""
        labels = soft_labels(ops.cast(targets[:, 0], "float32"), self.bins)
        surprise = ops.log(ops.maximum(labels, 1e-30)) - ops.log_softmax(outputs["logits"])
        divergence = ops.sum(labels * surprise, axis=-1)
        if sample_weight is not None:
            return ops.sum(divergence * sample_weight) / ops.sum(sample_weight)
        return ops.mean(divergence)

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}


def soft_labels(values, bins=18):
    """Computes soft labels: the probability of each sorting bin, given measured values.

    The labels of a value are the probabilities of the bins under a normal distribution with mean `value + 0.5` and standard deviation 0.5.
    The bins are separated by the edges 1, 2, ..., `bins - 1`. The first and the last bin are open-ended.

    Args:
        values: Measured values on the scale of the bins, float32 `(batch,)`.
        bins: Number of bins.

    Returns:
        Probabilities, float32 `(batch, bins)`. Each row sums to 1.
    """
    edges = ops.arange(1, bins, dtype="float32")
    below = 0.5 * (1 + ops.erf((edges[None, :] - values[:, None] - 0.5) * 2**0.5))  # erf((x - mean) / (sd * sqrt(2))) with sd = 0.5
    ones = ops.ones_like(values)[:, None]
    return ops.concatenate([below, ones], axis=1) - ops.concatenate([0 * ones, below], axis=1)
