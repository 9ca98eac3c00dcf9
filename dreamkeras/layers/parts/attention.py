"""The Conformer block and its parts: feed-forward, convolution and attention layers, which keep the shape of the features."""

import keras
from keras import layers, ops

from dreamkeras.layers.parts.activations import silu
from dreamkeras.layers.parts.convolution import Conv1D
from dreamkeras.layers.parts.dropout import Dropout
from dreamkeras.layers.parts.initializers import FanInUniform, GlorotUniform

__all__ = ["ConformerBlock", "ConvolutionModule", "FeedForward", "MultiHeadSelfAttention"]

EPSILON = 1e-6
"""Epsilon of every layer normalisation."""


@keras.saving.register_keras_serializable(package="dreamkeras")
class FeedForward(keras.layers.Layer):
    """Feed-forward layer with layer normalisation and a SwiGLU gate.

    Args:
        expansion: Width of the hidden layer before the gate, divided by the number of channels. The gate halves the width.
        dropout: Fraction of the values to drop during training. Dropout is applied after the gate and to the output.

    Shape:
        Input and output `(batch, length, channels)`.

    Reference:
        Shazeer 2020 (SwiGLU).
    """

    def __init__(self, expansion=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.expansion, self.dropout = expansion, dropout
        self.norm = layers.LayerNormalization(epsilon=EPSILON, dtype=self.dtype_policy, name="norm")
        self.drop = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        channels, plain = input_shape[-1], {"use_bias": False, "kernel_initializer": FanInUniform(), "dtype": self.dtype_policy}
        inner = self.expansion * channels // 2
        self.widen = layers.Dense(2 * inner, name="widen", **plain)
        self.narrow = layers.Dense(channels, name="narrow", **{**plain, "kernel_initializer": FanInUniform()})
        self.norm.build(input_shape)
        self.widen.build(input_shape)
        self.narrow.build((*input_shape[:-1], inner))
        super().build(input_shape)

    def call(self, features, training=None):
        values, gate = ops.split(self.widen(self.norm(features)), 2, axis=-1)
        gated = self.drop(values * silu(gate), training=training)
        return self.drop(self.narrow(gated), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "expansion": self.expansion, "dropout": self.dropout}


@keras.saving.register_keras_serializable(package="dreamkeras")
class ConvolutionModule(keras.layers.Layer):
    """Separable convolution with ReLU and dropout: a depthwise convolution along the sequence, then a dense layer across channels.

    Args:
        kernel_size: Width of the convolution along the sequence.
        dropout: Fraction of the outputs to drop during training.

    Shape:
        Input and output `(batch, length, channels)`.
    """

    def __init__(self, kernel_size=15, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size, self.dropout = kernel_size, dropout
        self.drop = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        channels, policy = input_shape[-1], self.dtype_policy
        along = {"groups": channels, "use_bias": False, "kernel_initializer": FanInUniform(), "dtype": policy, "name": "depthwise"}
        self.depthwise = Conv1D(channels, self.kernel_size, **along)
        self.pointwise = layers.Dense(channels, "relu", kernel_initializer=FanInUniform(), dtype=policy, name="pointwise")
        self.depthwise.build(input_shape)
        self.pointwise.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        return self.drop(self.pointwise(self.depthwise(features)), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size, "dropout": self.dropout}


@keras.saving.register_keras_serializable(package="dreamkeras")
class MultiHeadSelfAttention(keras.layers.Layer):
    """Multi-head self-attention over positions.

    Args:
        heads: Number of attention heads.
        head_size: Width of a head. If None, the channels are divided equally among the heads.

    Shape:
        Input and output `(batch, length, channels)`.

    Raises:
        ValueError: `head_size` is None and the number of channels is not a multiple of the number of heads.

    Reference:
        Vaswani et al. 2017.
    """

    def __init__(self, heads=4, head_size=None, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.head_size = heads, head_size

    def build(self, input_shape):
        channels = input_shape[-1]
        if self.head_size is None and channels % self.heads:
            raise ValueError(f"Expected channels to be a multiple of {self.heads}, the number of heads, got {channels}.")
        self.size = self.head_size or channels // self.heads
        width = self.heads * self.size
        self.ask = layers.Dense(3 * width, kernel_initializer=GlorotUniform(), dtype=self.dtype_policy, name="ask")
        self.answer = layers.Dense(channels, kernel_initializer=FanInUniform(), dtype=self.dtype_policy, name="answer")
        self.ask.build(input_shape)
        self.answer.build((*input_shape[:-1], width))
        super().build(input_shape)

    def call(self, features):
        length = features.shape[1]
        # A single matrix product computes queries, keys and values, in this order.
        asked = ops.reshape(self.ask(features), (-1, length, 3, self.heads, self.size))
        return self.answer(ops.reshape(_attend(asked), (-1, length, self.heads * self.size)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "head_size": self.head_size}


def _attend(asked):
    """Applies attention to queries, keys and values: `(batch, length, 3, heads, size)` -> `(batch, length, heads, size)`."""
    backend = keras.backend.backend()
    if backend == "torch":
        return ops.dot_product_attention(asked[:, :, 0], asked[:, :, 1], asked[:, :, 2])
    if backend in ("tensorflow", "jax"):
        # Keras's own attention sums in float16, which JAX does not support on CPUs, and is exported as many more ONNX nodes.
        query, key, value = ops.unstack(ops.transpose(asked, (2, 0, 3, 1, 4)), 3)
        scores = ops.cast(ops.matmul(query, ops.swapaxes(key, 2, 3)), "float32") / asked.shape[-1] ** 0.5
        return ops.transpose(ops.matmul(ops.cast(ops.softmax(scores), value.dtype), value), (0, 2, 1, 3))
    raise NotImplementedError(f"Expected backend tensorflow, jax or torch, got {backend!r}.")


@keras.saving.register_keras_serializable(package="dreamkeras")
class ConformerBlock(keras.layers.Layer):
    """Conformer block: feed-forward layer, convolution, attention and feed-forward layer, with residual connections.

    The outputs of the feed-forward layers are halved before they are added to the features.

    Args:
        heads: Number of attention heads.
        head_size: Width of a head. If None, the channels are divided equally among the heads.
        kernel_size: Width of the convolution along the sequence.
        dropout: Dropout rate of the feed-forward layers and the convolution during training.
        add_normed: Whether to add the normalised input of the convolution to its output, as the Prix Fixe framework's port of Proformer
            does.

    Shape:
        Input and output `(batch, length, channels)`.

    Reference:
        Gulati et al. 2020 (Conformer); Kwak et al. 2024 (Proformer); Rafi et al. 2024.
    """

    def __init__(self, heads=4, head_size=None, kernel_size=15, dropout=0.1, add_normed=True, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.head_size, self.kernel_size = heads, head_size, kernel_size
        self.dropout, self.add_normed = dropout, add_normed
        policy = {"dtype": self.dtype_policy}
        self.feed_in = FeedForward(dropout=dropout, name="feed_in", **policy)
        self.convolution_norm = layers.LayerNormalization(epsilon=EPSILON, name="convolution_norm", **policy)
        self.convolution = ConvolutionModule(kernel_size, dropout, name="convolution", **policy)
        self.attention_norm = layers.LayerNormalization(epsilon=EPSILON, name="attention_norm", **policy)
        self.attention = MultiHeadSelfAttention(heads, head_size, name="attention", **policy)
        self.feed_out = FeedForward(dropout=dropout, name="feed_out", **policy)

    def build(self, input_shape):
        for layer in (self.feed_in, self.convolution_norm, self.convolution, self.attention_norm, self.attention, self.feed_out):
            layer.build(input_shape)
        super().build(input_shape)

    def call(self, features, training=None):
        features = features + 0.5 * self.feed_in(features, training=training)
        normed = self.convolution_norm(features)
        features = features + self.convolution(normed, training=training)
        if self.add_normed:
            features = features + normed
        features = self.attention_norm(features)
        features = features + self.attention(features)
        return features + 0.5 * self.feed_out(features, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"heads": self.heads, "head_size": self.head_size, "kernel_size": self.kernel_size}
        return {**super().get_config(), **config, "dropout": self.dropout, "add_normed": self.add_normed}
