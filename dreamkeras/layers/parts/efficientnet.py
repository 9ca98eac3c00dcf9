"""The parts of an EfficientNet-like convolutional network, used in the blocks of autosome and LegNet."""

import keras
from keras import layers, ops

from dreamkeras.layers.parts.activations import silu
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.initializers import NarrowNormal

__all__ = ["ConvNormSiLU", "InvertedResidual", "SqueezeExcite"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class ConvNormSiLU(keras.layers.Layer):
    """Convolution without bias, followed by batch normalisation and SiLU.

    Args:
        filters: Number of output channels.
        kernel_size: Number of taps of the convolution.
        groups: Number of channel groups of the convolution.

    Shape:
        Input `(batch, length, channels)`, output `(batch, length, filters)`.
    """

    def __init__(self, filters, kernel_size, groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.groups = filters, kernel_size, groups
        self.convolution = Conv1D(filters, kernel_size, groups=groups, use_bias=False, dtype=self.dtype_policy)
        # momentum 0.1 in torch corresponds to 0.9 in Keras
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
    """Squeeze-and-excite gate, which scales each channel by a factor computed from the means of all channels over the sequence.

    Args:
        hidden: Width of the hidden layer. In DREAM-CNN, the input of the step has four times as many channels as this layer.

    Shape:
        Input and output `(batch, length, channels)`.

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
    """Inverted residual step of an EfficientNet-like core.

    The step widens the features, applies a grouped convolution along the sequence and a squeeze-and-excite gate, and narrows the result to
    the number of input channels. The result is concatenated with the input, and a convolution reduces or increases the number of channels
    to `filters`.

    Args:
        filters: Number of output channels.
        group_channels: Number of channels in each group of the grouped convolution. With 1, the convolution is depthwise.
        widen_input: If True, the widened features have four times as many channels as the input. If False, the widened features have four
            times as many channels as the output.

    Shape:
        Input `(batch, length, channels)`, output `(batch, length, filters)`.
    """

    def __init__(self, filters, group_channels=2, widen_input=False, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.group_channels, self.widen_input = filters, group_channels, widen_input

    def build(self, input_shape):
        channels, policy = input_shape[-1], self.dtype_policy
        inner = 4 * (channels if self.widen_input else self.filters)
        self.widen = ConvNormSiLU(inner, 1, dtype=policy, name="widen")
        self.mix = ConvNormSiLU(inner, 7, groups=inner // self.group_channels, dtype=policy, name="mix")
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
        config = {"filters": self.filters, "group_channels": self.group_channels, "widen_input": self.widen_input}
        return {**super().get_config(), **config}
