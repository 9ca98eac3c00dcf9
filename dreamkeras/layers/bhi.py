"""The blocks of team BHI."""

from keras import layers

from dreamkeras.layers.convolution import Conv1D
from dreamkeras.layers.slots import FirstLayers, register_block

__all__ = ["BHIFirst"]


@register_block("bhi")
class BHIFirst(FirstLayers):
    """Motif scanners of two widths, side by side.

    Args:
        channels: Output channels, shared equally by the kernels.
        kernel_sizes: One convolution each.
        dropout: Share of the outputs dropped in training.

    Shape:
        `(batch, length, 4 + flags)` in, `(batch, length, channels)` out.

    Reference:
        Rafi et al. 2024; BHI's entry to the Random Promoter DREAM Challenge 2022.
    """

    def __init__(self, channels=320, kernel_sizes=(9, 15), dropout=0.2, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kernel_sizes, self.dropout = channels, tuple(kernel_sizes), dropout
        if channels % len(self.kernel_sizes):
            raise ValueError(f"Expected channels to be a multiple of {len(self.kernel_sizes)} kernels, got {channels}.")
        share = channels // len(self.kernel_sizes)
        self.convolutions = [
            Conv1D(share, size, activation="relu", dtype=self.dtype_policy, name=f"conv_{size}") for size in self.kernel_sizes
        ]
        self.concatenate = layers.Concatenate(dtype=self.dtype_policy)
        self.drop = layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        for convolution in self.convolutions:
            convolution.build(input_shape)
        super().build(input_shape)

    def call(self, encoded, training=None):
        return self.drop(self.concatenate([convolution(encoded) for convolution in self.convolutions]), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kernel_sizes": self.kernel_sizes, "dropout": self.dropout}
