"""The body of BPNet: motif scanners, then dilated convolutions that let each position see ever farther, one beside another."""

import math

from keras import layers

from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.initializers import FanInUniform
from dreamkeras.layers.slots import Core, FirstLayers, register_block

__all__ = ["BPNetCore", "BPNetFirst"]


STEP = 0.032
"""The highest learning rate is this divided by the root of the channels: 0.004 for 64, as measured on a simulated genome."""


@register_block("bpnet")
class BPNetFirst(FirstLayers):
    """Wide convolutions over the letters, ReLU.

    Args:
        channels: Output channels.
        kernel_size: Letters that each sees.

    Shape:
        `(batch, length, 4 + flags)` in, `(batch, length, channels)` out.

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
    """Residual convolutions of three positions that are 2, 4, 8, ... apart; as many channels as came in, at every position.

    Args:
        depth: Number of convolutions; the last looks `2 ** depth` positions to either side.

    Shape:
        `(batch, length, channels)` in and out.

    Reference:
        Avsec et al. 2021 (BPNet); Pampari et al. 2024 (ChromBPNet), which cut the ends off in place of padding them with zeros.
    """

    def __init__(self, depth=8, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.add = layers.Add(dtype=self.dtype_policy)

    def build(self, input_shape):
        self.learning_rate = STEP / math.sqrt(input_shape[-1])
        rates = [2**step for step in range(1, self.depth + 1)]
        options = {"activation": "relu", "dtype": self.dtype_policy}
        # Small beside what they are added to: by He's deviation each would double the variance.
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
