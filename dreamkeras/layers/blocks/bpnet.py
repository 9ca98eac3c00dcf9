"""The body of BPNet: motif scanners, followed by dilated convolutions with a growing receptive field."""

import math

from keras import layers

from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.initializers import FanInUniform
from dreamkeras.layers.slots import Core, FirstLayers, register_block

__all__ = ["BPNetCore", "BPNetFirst"]


STEP = 0.032
"""Product of the maximum learning rate and the square root of the number of channels.

For 64 channels, the maximum learning rate is 0.004, which was chosen on a simulated genome.
"""


@register_block("bpnet")
class BPNetFirst(FirstLayers):
    """Motif scanners: one wide convolution with ReLU.

    Args:
        channels: Number of output channels.
        kernel_size: Width of the convolution in bases.

    Shape:
        Input `(batch, length, 4 + flags)`, output `(batch, length, channels)`.

    Reference:
        Avsec et al. 2021 (BPNet); Pampari et al. 2024 (ChromBPNet).
    """

    def __init__(self, channels=64, kernel_size=21, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kernel_size = channels, kernel_size
        options = {"activation": "relu", "kernel_initializer": FanInUniform(), "dtype": self.dtype_policy}
        self.convolution = Conv1D(channels, kernel_size, name="convolution", **options)

    def build(self, input_shape):
        self.convolution.build(input_shape)
        super().build(input_shape)

    def call(self, encoded):
        return self.convolution(encoded)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kernel_size": self.kernel_size}


@register_block("bpnet")
class BPNetCore(Core):
    """Residual convolutions of three taps with dilation rates 2, 4, 8, ..., which keep the length and the number of channels.

    Args:
        depth: Number of convolutions. The last convolution has the dilation rate `2 ** depth`.

    Shape:
        Input and output `(batch, length, channels)`.

    Reference:
        Avsec et al. 2021 (BPNet); Pampari et al. 2024 (ChromBPNet). The published networks crop the ends of the features, while this block
        pads the features with zeros.
    """

    def __init__(self, depth=8, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.add = layers.Add(dtype=self.dtype_policy)

    def build(self, input_shape):
        self.learning_rate = STEP / math.sqrt(input_shape[-1])
        rates = [2**step for step in range(1, self.depth + 1)]
        options = {"activation": "relu", "dtype": self.dtype_policy}
        # FanInUniform keeps the residuals small. With He initialisation, each convolution would double the variance of the features.
        self.convolutions = [
            Conv1D(input_shape[-1], 3, dilation_rate=rate, kernel_initializer=FanInUniform(), name=f"dilated_{rate}", **options)
            for rate in rates
        ]
        for convolution in self.convolutions:
            convolution.build(input_shape)
        super().build(input_shape)

    def call(self, features):
        for convolution in self.convolutions:
            features = self.add([features, convolution(features)])
        return features

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}
