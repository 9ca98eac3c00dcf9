"""A `Conv1D` layer that uses the fastest training algorithm on each backend, even for convolutions with many small groups.

With groups, `keras.layers.Conv1D` has no gradient on CPUs under TensorFlow without XLA, and is much slower than this layer under JAX and
torch. The script `benchmarks/grouped_conv.py` measures the difference.
"""

import functools

import keras
from keras import ops

from dreamkeras.layers.parts.exportable import is_exporting
from dreamkeras.layers.parts.initializers import FanOutNormal

__all__ = ["Conv1D"]

# Number of channels of the dense blocks into which small groups are merged. Wider blocks use the processor more efficiently but contain
# more zeros. benchmarks/grouped_conv.py measures the effect.
BLOCK = 32

NARROW = 16
"""Number of channels up to which a depthwise convolution in bfloat16 is computed as a dense convolution under torch. With 15 taps and at
most this number of channels, the depthwise convolution of oneDNN 3.12 (in torch 2.13) hangs."""


@keras.saving.register_keras_serializable(package="dreamkeras")
class Conv1D(keras.layers.Conv1D):
    """A faster version of `keras.layers.Conv1D` for stride 1 and same padding, with the same weights and results.

    Args:
        filters: Number of output channels.
        kernel_size: Number of taps. An even kernel extends one position further to the right than to the left.
        groups: Number of channel groups, which are convolved separately.
        use_bias: Whether to add a bias.
        dilation_rate: Distance between taps. A rate above 1 requires an odd number of taps and one group.

    Shape:
        Input `(batch, length, channels)`, output `(batch, length, filters)`.

    Raises:
        ValueError: The stride, padding or data format is not supported, or the number of channels or filters is not a multiple of `groups`.
            A dilated convolution with several groups or an even number of taps also raises this error.
    """

    def __init__(self, filters, kernel_size, groups=1, use_bias=True, **kwargs):
        kwargs.setdefault("kernel_initializer", FanOutNormal())
        kwargs.setdefault("data_format", "channels_last")  # the user may have set Keras's default to channels_first
        super().__init__(filters, kernel_size, padding=kwargs.pop("padding", "same"), groups=groups, use_bias=use_bias, **kwargs)
        if self.strides != (1,) or self.padding != "same" or self.data_format != "channels_last":
            raise ValueError(f"Expected stride 1, same padding and channels last in {self.name!r}.")
        if self.dilation_rate != (1,) and (groups > 1 or self.kernel_size[0] % 2 == 0):
            raise ValueError(f"Dilation in {self.name!r} requires one group and an odd number of taps.")

    def call(self, inputs):
        outputs = _convolve(inputs, ops.convert_to_tensor(self.kernel), self.groups, self.dilation_rate[0])
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)


def _convolve(inputs, kernel, groups, dilation):
    backend = keras.backend.backend()
    if backend == "torch":
        return _torch_convolution(inputs, kernel, groups, dilation)
    if backend == "tensorflow" and groups > 1 and is_exporting():
        import tensorflow as tf

        return tf.nn.conv1d(inputs, kernel, stride=1, padding="SAME")
    if backend in ("tensorflow", "jax") and dilation > 1:
        return ops.conv(inputs, kernel, padding="same", data_format="channels_last", dilation_rate=dilation)
    if backend in ("tensorflow", "jax"):
        return _block_convolution(inputs, kernel, groups)
    raise NotImplementedError(f"Expected backend tensorflow, jax or torch, got {backend!r}.")


def _block_convolution(inputs, kernel, groups):
    """Computes a grouped convolution as a few dense convolutions, each over a block of several groups."""
    if groups == 1:
        return _dense_convolution(inputs, kernel)
    blocks = _block_count(groups, inputs.shape[-1] // groups)
    pieces = zip(ops.split(inputs, blocks, axis=-1), _block_kernels(kernel, groups, blocks), strict=True)
    return ops.concatenate([ops.conv(piece, dense, padding="same", data_format="channels_last") for piece, dense in pieces], axis=-1)


def _dense_convolution(inputs, kernel):
    if keras.backend.backend() == "jax" and len(kernel) == 1:
        return _jax_pointwise()(inputs, kernel)
    return ops.conv(inputs, kernel, padding="same", data_format="channels_last")


@functools.cache
def _jax_pointwise():
    """Returns a convolution of one tap whose kernel gradient is a matrix product.

    The gradient that XLA derives is slower, because it transposes the entire input.
    """
    import jax

    @jax.custom_vjp
    def convolve(inputs, kernel):
        return ops.conv(inputs, kernel, padding="same", data_format="channels_last")

    def pull_back(residuals, cotangent):
        inputs, kernel = residuals
        return convolve(cotangent, kernel.transpose(0, 2, 1)), jax.numpy.tensordot(inputs, cotangent, ((0, 1), (0, 1)))[None]

    convolve.defvjp(lambda inputs, kernel: (convolve(inputs, kernel), (inputs, kernel)), pull_back)
    return convolve


def _block_count(groups, group_channels):
    """Returns the smallest number of equal blocks into which groups can be merged without exceeding `BLOCK` input channels in a block.

    A group that is wider than `BLOCK` forms a separate block.
    """
    most = max(1, BLOCK // group_channels)
    return groups // max(size for size in range(1, min(most, groups) + 1) if groups % size == 0)


def _block_kernels(kernel, groups, blocks):
    """Converts a grouped kernel to block-diagonal kernels `(taps, block inputs, block filters)`, one for each block."""
    taps, inputs, filters = kernel.shape
    members, outputs = groups // blocks, filters // groups
    spread = ops.reshape(kernel, (taps, 1, inputs, blocks, members, outputs)) * ops.reshape(
        ops.eye(members, dtype=kernel.dtype), (1, members, 1, 1, members, 1)
    )
    # (taps, member in, inputs, blocks, member out, outputs) -> blocks of (taps, inputs, filters)
    dense = ops.reshape(ops.transpose(spread, (3, 0, 1, 2, 4, 5)), (blocks, taps, members * inputs, members * outputs))
    return ops.unstack(dense, blocks, axis=0)


def _torch_convolution(inputs, kernel, groups, dilation):
    """Computes a convolution as a 2-D convolution of height 1, which torch applies to channels-last data without copying."""
    import torch
    from torch.nn import functional

    if groups == kernel.shape[2] <= NARROW and inputs.dtype == torch.bfloat16:
        kernel, groups = _block_kernels(kernel, groups, 1)[0], 1
    picture = inputs.permute(0, 2, 1).unsqueeze(2)
    weight = kernel.permute(2, 1, 0).unsqueeze(2)
    if inputs.dtype == torch.float16 and kernel.shape[2] == 1:
        weight = weight.contiguous()  # torch 2.13 has no gradient on CPUs for a weight that is not contiguous
    taps = kernel.shape[0]
    left, right = (taps - 1) // 2 * dilation, taps // 2 * dilation
    if left != right:
        picture, left = functional.pad(picture, (left, right)), 0
    return functional.conv2d(picture, weight, padding=(0, left), dilation=(1, dilation), groups=groups).squeeze(2).permute(0, 2, 1)
