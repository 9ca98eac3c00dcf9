"""The blocks of team autosome: an EfficientNet-like convolutional core, and expression as an expectation over bins."""

import keras
from keras import layers, ops

from dreamkeras.layers.activations import silu
from dreamkeras.layers.convolution import Conv1D
from dreamkeras.layers.heads import AutosomeRegressionFinal
from dreamkeras.layers.initializers import FanOutNormal, NarrowNormal
from dreamkeras.layers.slots import Core, FinalLayers, register_block

__all__ = ["AutosomeCore", "AutosomeFinal", "ConvNormSiLU", "InvertedResidual", "SqueezeExcite", "soft_labels"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class ConvNormSiLU(keras.layers.Layer):
    """Convolution without bias, batch normalisation, SiLU.

    Args:
        filters: Output channels.
        kernel_size: Taps of the convolution.
        groups: Channel groups of the convolution.

    Shape:
        `(batch, length, channels)` in, `(batch, length, filters)` out.
    """

    def __init__(self, filters, kernel_size, groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.groups = filters, kernel_size, groups
        self.convolution = Conv1D(filters, kernel_size, groups=groups, use_bias=False, dtype=self.dtype_policy)
        # torch's momentum 0.1 is Keras's 0.9
        self.norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, features, training=None):
        return silu(self.norm(self.convolution(features), training=training))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size, "groups": self.groups}


@keras.saving.register_keras_serializable(package="dreamkeras")
class SqueezeExcite(keras.layers.Layer):
    """Gate each channel by its mean over the sequence.

    Args:
        hidden: Width of the gate; DREAM-CNN uses a quarter of the block's input.

    Shape:
        `(batch, length, channels)` in and out.

    Reference:
        Hu et al. 2018; Penzar et al. 2023 (LegNet).
    """

    def __init__(self, hidden, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.squeeze = layers.Dense(hidden, activation="silu", kernel_initializer=NarrowNormal(), dtype=self.dtype_policy)

    def build(self, input_shape):
        self.excite = layers.Dense(input_shape[-1], activation="sigmoid", kernel_initializer=NarrowNormal(), dtype=self.dtype_policy)
        self.squeeze.build((input_shape[0], input_shape[-1]))
        self.excite.build((input_shape[0], self.hidden))
        super().build(input_shape)

    def call(self, features):
        gate = self.excite(self.squeeze(ops.mean(features, axis=1)))
        return features * gate[:, None, :]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden}


@keras.saving.register_keras_serializable(package="dreamkeras")
class InvertedResidual(keras.layers.Layer):
    """One step of the autosome core: widen, mix along the sequence in pairs of channels, gate, narrow, join, resize.

    Args:
        filters: Output channels; the widened middle has four times as many.

    Shape:
        `(batch, length, channels)` in, `(batch, length, filters)` out.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        channels, inner, policy = input_shape[-1], 4 * self.filters, self.dtype_policy
        self.widen = ConvNormSiLU(inner, 1, dtype=policy, name="widen")
        self.mix = ConvNormSiLU(inner, 7, groups=inner // 2, dtype=policy, name="mix")
        self.gate = SqueezeExcite(channels // 4, dtype=policy, name="gate")
        self.narrow = ConvNormSiLU(channels, 1, dtype=policy, name="narrow")
        self.resize = ConvNormSiLU(self.filters, 7, dtype=policy, name="resize")
        self.widen.build(input_shape)
        for layer in (self.mix, self.gate, self.narrow):
            layer.build((*input_shape[:-1], inner))
        self.resize.build((*input_shape[:-1], 2 * channels))
        super().build(input_shape)

    def call(self, features, training=None):
        mixed = self.mix(self.widen(features, training=training), training=training)
        residual = self.narrow(self.gate(mixed), training=training)
        return self.resize(ops.concatenate([features, residual], axis=-1), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register_block("autosome")
class AutosomeCore(Core):
    """Six inverted residual steps that keep the sequence's length (LegNet as entered in the challenge).

    Args:
        widths: Output channels of each step.

    Shape:
        `(batch, length, channels)` in, `(batch, length, widths[-1])` out.

    Reference:
        Penzar et al. 2023 (LegNet); Rafi et al. 2024.
    """

    def __init__(self, widths=(128, 128, 64, 64, 64, 64), **kwargs):
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        self.steps = [InvertedResidual(width, dtype=self.dtype_policy, name=f"step_{i}") for i, width in enumerate(self.widths)]

    def build(self, input_shape):
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)
        super().build(input_shape)

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
    """Expression as the expectation over the sorting bins; trained against soft labels.

    Args:
        bins: Number of bins; their values are 0 to `bins - 1`.

    Shape:
        `(batch, length, channels)` in; `"expression"` `(batch, 1)` in bins, and `"logits"` `(batch, bins)`.

    Reference:
        Penzar et al. 2023, eq. 1 to 3.
    """

    def __init__(self, bins=18, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins
        self.mapper = layers.Dense(bins, kernel_initializer=FanOutNormal(), dtype=self.dtype_policy)

    @classmethod
    def for_assay(cls, assay):
        """As many bins as the assay was sorted into; a regression where it was not sorted."""
        if assay.bins is None:
            return AutosomeRegressionFinal(tasks=len(assay.tasks))
        return cls(assay.bins)

    def build(self, input_shape):
        self.mapper.build((input_shape[0], input_shape[-1]))
        super().build(input_shape)

    def call(self, features):
        # The mean of a linear map is the map of the mean: one row a sequence instead of one a position.
        logits = ops.cast(self.mapper(ops.mean(features, axis=1)), "float32")
        values = ops.arange(self.bins, dtype="float32")
        return {"expression": ops.softmax(logits) @ values[:, None], "logits": logits}

    def loss(self, targets, outputs, sample_weight=None):
        """Kullback-Leibler divergence from the soft labels of the targets `(batch, 1)`, in nats."""
        labels = soft_labels(ops.cast(targets[:, 0], "float32"), self.bins)
        surprise = ops.log(ops.maximum(labels, 1e-30)) - ops.log_softmax(outputs["logits"])
        divergence = ops.sum(labels * surprise, axis=-1)
        if sample_weight is not None:
            return ops.sum(divergence * sample_weight) / ops.sum(sample_weight)
        return ops.mean(divergence)

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}


def soft_labels(values, bins=18):
    """The probability of each bin for a measured value: Normal(value + 0.5, 0.5) cut at 1, 2, ..., bins - 1.

    Args:
        values: float32 `(batch,)`, in bins.
        bins: Number of bins.

    Returns:
        float32 `(batch, bins)`; rows sum to 1.
    """
    edges = ops.arange(1, bins, dtype="float32")
    below = 0.5 * (1 + ops.erf((edges[None, :] - values[:, None] - 0.5) * 2**0.5))  # (x - mean) / (sd * sqrt 2), sd = 0.5
    ones = ops.ones_like(values)[:, None]
    return ops.concatenate([below, ones], axis=1) - ops.concatenate([0 * ones, below], axis=1)
