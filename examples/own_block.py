"""A custom core block, step by step: a small ResNet.

    dreamkeras check own_block:ResNetCore
    dreamkeras train --model bhi,own_block:ResNetCore,autosome --epochs 2 --out runs/resnet

Run the commands in the folder of this file, or add the folder to PYTHONPATH.
"""

import keras
from keras import layers, ops

from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.slots import Core


# Step 1: a Keras layer. It uses only `keras.ops`, so that it runs on every backend. Sublayers are created in `__init__` or `build`
# and built in `build`, so that a saved model can restore their weights.
@keras.saving.register_keras_serializable(package="own_block")
class ResidualUnit(keras.layers.Layer):
    """Two convolutions with a residual connection.

    Args:
        kernel_size: Width of each convolution in positions.

    Shape:
        `(batch, length, channels)` in and out.
    """

    def __init__(self, kernel_size, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        channels, policy = input_shape[-1], self.dtype_policy  # passing on the policy applies mixed precision to the sublayers
        self.convolutions = [Conv1D(channels, self.kernel_size, use_bias=False, dtype=policy, name=f"conv_{i}") for i in range(2)]
        self.norms = [layers.BatchNormalization(dtype=policy, name=f"norm_{i}") for i in range(2)]
        for layer in (*self.convolutions, *self.norms):
            layer.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        hidden = ops.relu(self.norms[0](self.convolutions[0](features), training=training))
        hidden = self.norms[1](self.convolutions[1](hidden), training=training)
        return ops.relu(features + hidden)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


# Step 2: the block. Its base class defines its slot. Every argument has a default and is included in `get_config`.
@keras.saving.register_keras_serializable(package="own_block")
class ResNetCore(Core):
    """A convolution to `channels` channels, followed by residual units.

    Args:
        channels: Number of output channels.
        units: Number of residual units.
        kernel_size: Width of each convolution in positions.

    Shape:
        `(batch, length, any)` in, `(batch, length, channels)` out.
    """

    def __init__(self, channels=64, units=3, kernel_size=7, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.units, self.kernel_size = channels, units, kernel_size
        self.stem = Conv1D(channels, 1, dtype=self.dtype_policy, name="stem")
        self.residuals = [ResidualUnit(kernel_size, dtype=self.dtype_policy, name=f"unit_{i}") for i in range(units)]

    def build(self, input_shape):
        self.stem.build(input_shape)
        for unit in self.residuals:
            unit.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, features, training=None):
        features = self.stem(features)
        for unit in self.residuals:
            features = unit(features, training=training)
        return features

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "units": self.units, "kernel_size": self.kernel_size}
