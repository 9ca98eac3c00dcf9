"""Blocks of team BHI: motif scanners of two widths, a core with a bidirectional LSTM, and a regression head."""

import keras
from keras import layers, ops

from dreamkeras.layers.blocks.heads import ScaledFinal
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.dropout import Dropout
from dreamkeras.layers.parts.initializers import FanInUniform
from dreamkeras.layers.parts.lstm import BidirectionalLSTM
from dreamkeras.layers.slots import Core, FirstLayers, register_block

__all__ = ["BHICore", "BHIFinal", "BHIFirst", "BHIMeanFinal", "Scanners"]


@keras.saving.register_keras_serializable(package="dreamkeras")
class Scanners(keras.layers.Layer):
    """Parallel convolutions of several widths with ReLU. The outputs of the convolutions are concatenated, and dropout is applied.

    Args:
        channels: Number of output channels, divided equally among the convolutions.
        kernel_sizes: Width of each convolution.
        dropout: Fraction of the outputs to drop during training.

    Shape:
        Input `(batch, length, features)`, output `(batch, length, channels)`.

    Raises:
        ValueError: The number of channels is not a multiple of the number of convolutions.
    """

    def __init__(self, channels=320, kernel_sizes=(9, 15), dropout=0.2, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kernel_sizes, self.dropout = channels, tuple(kernel_sizes), dropout
        if channels % len(self.kernel_sizes):
            raise ValueError(f"Expected channels to be a multiple of {len(self.kernel_sizes)}, the number of kernels, got {channels}.")
        share = channels // len(self.kernel_sizes)
        self.convolutions = [
            Conv1D(share, size, activation="relu", dtype=self.dtype_policy, name=f"conv_{size}") for size in self.kernel_sizes
        ]
        self.concatenate = layers.Concatenate(dtype=self.dtype_policy)
        self.drop = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        for convolution in self.convolutions:
            convolution.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        return self.drop(self.concatenate([convolution(features) for convolution in self.convolutions]), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "kernel_sizes": self.kernel_sizes, "dropout": self.dropout}


@register_block("bhi")
class BHIFirst(Scanners, FirstLayers):
    """Motif scanners: parallel convolutions of two widths with ReLU and dropout.

    Args:
        channels: Number of output channels, divided equally among the convolutions.
        kernel_sizes: Width of each convolution in bases.
        dropout: Fraction of the outputs to drop during training.

    Shape:
        Input `(batch, length, 4 + flags)`, output `(batch, length, channels)`.

    Reference:
        Rafi et al. 2024; BHI's entry to the Random Promoter DREAM Challenge 2022.
    """


@register_block("bhi")
class BHICore(Core):
    """A bidirectional LSTM, followed by parallel convolutions of two widths.

    Args:
        channels: Number of output channels, divided equally among the convolutions.
        units: Size of the LSTM's state in each direction.
        kernel_sizes: Width of each convolution in positions.
        dropout: Fraction of the convolutions' outputs to drop during training.
        last_dropout: Fraction of the outputs kept by the first dropout that a second dropout drops during training.

    Shape:
        Input `(batch, length, features)`, output `(batch, length, channels)`.

    Reference:
        Rafi et al. 2024; BHI's entry to the Random Promoter DREAM Challenge 2022.
    """

    def __init__(self, channels=320, units=320, kernel_sizes=(9, 15), dropout=0.2, last_dropout=0.5, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.units, self.kernel_sizes = channels, units, tuple(kernel_sizes)
        self.dropout, self.last_dropout = dropout, last_dropout
        self.lstm = BidirectionalLSTM(units, dtype=self.dtype_policy, name="lstm")
        # One dropout layer with the combined rate replaces two layers, because each layer draws random numbers, which takes a tenth of the
        # training time.
        both = 1 - (1 - dropout) * (1 - last_dropout)
        self.scanners = Scanners(channels, kernel_sizes, both, dtype=self.dtype_policy, name="scanners")

    def build(self, input_shape):
        self.lstm.build(input_shape)
        self.scanners.build(self.lstm.compute_output_shape(input_shape))
        super().build(input_shape)

    def stages(self):
        return [self.lstm, self.scanners]

    def call(self, features, training=None):
        return self.scanners(self.lstm(features), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.channels)

    def get_config(self):
        options = {name: getattr(self, name) for name in ("channels", "units", "kernel_sizes", "dropout", "last_dropout")}
        return {**super().get_config(), **options}


@register_block("bhi")
class BHIFinal(ScaledFinal):
    """Dense layers over all positions, trained with the Huber loss between standardised predictions and targets.

    Args:
        tasks: Number of predicted values for each sequence.
        hidden: Widths of the hidden layers.
        flatten: If True, each position has its own weights, as in the team's entry, and the network accepts a single input length. If
            False, the layers are applied to the mean over positions.

    Shape:
        Input `(batch, length, channels)`, output `"expression"` `(batch, tasks)`.

    Reference:
        Rafi et al. 2024; BHI's entry to the Random Promoter DREAM Challenge 2022.
    """

    def __init__(self, tasks=1, hidden=(64, 64), flatten=True, **kwargs):
        super().__init__(tasks, **kwargs)
        self.hidden, self.flatten = tuple(hidden), flatten
        sizes = [(width, "relu") for width in self.hidden] + [(tasks, None)]
        self.mappers = [
            layers.Dense(width, activation, kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name=f"dense_{i}")
            for i, (width, activation) in enumerate(sizes)
        ]

    def build(self, input_shape):
        width = input_shape[-1] * (input_shape[1] if self.flatten else 1)
        for mapper in self.mappers:
            mapper.build((input_shape[0], width))
            width = mapper.units
        super().build(input_shape)

    def call(self, features):
        values = ops.reshape(features, (-1, features.shape[1] * features.shape[2])) if self.flatten else ops.mean(features, axis=1)
        for mapper in self.mappers:
            values = mapper(values)
        return {"expression": self.in_units(values)}

    def penalty(self, difference):
        """Returns the Huber loss of a standardised difference: quadratic up to 1 standard deviation, linear above 1."""
        size = ops.abs(difference)
        return ops.where(size < 1, ops.square(difference) / 2, size - 0.5)

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden, "flatten": self.flatten}


@register_block("bhi-mean")
class BHIMeanFinal(BHIFinal):
    """BHI's dense layers, applied to the mean over positions. This small head is not part of any team's entry.

    Args:
        tasks: Number of predicted values for each sequence.
        hidden: Widths of the hidden layers.
        flatten: As for `BHIFinal`.

    Shape:
        Input `(batch, length, channels)`, output `"expression"` `(batch, tasks)`.
    """

    def __init__(self, tasks=1, hidden=(64, 64), flatten=False, **kwargs):
        super().__init__(tasks, hidden, flatten, **kwargs)
