"""BPNet's blocks, compared with NumPy."""

import numpy as np
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.blocks.bpnet import BPNetCore, BPNetFirst


def dilated(features, kernel, bias, rate):
    """Computes a dilated convolution with zero padding, followed by ReLU."""
    reach = len(kernel) // 2 * rate
    padded = np.pad(features, ((0, 0), (reach, reach), (0, 0)))
    length = features.shape[1]
    return np.maximum(sum(padded[:, tap * rate : tap * rate + length] @ kernel[tap] for tap in range(len(kernel))) + bias, 0)


def test_the_first_block_is_a_convolution_with_relu():
    first, encoded = BPNetFirst(6, kernel_size=5), random_array(2, 11, 4)
    first.build(encoded.shape)
    randomise(first)
    kernel, bias = map(array, first.weights)
    np.testing.assert_allclose(array(first(encoded)), dilated(encoded, kernel, bias, 1), atol=1e-5)


def test_the_core_adds_convolutions_with_dilation_2_4_and_8():
    core, features = BPNetCore(depth=3), random_array(2, 21, 4)
    core.build(features.shape)
    randomise(core)
    wanted = features
    for rate, convolution in zip((2, 4, 8), core.convolutions, strict=True):
        wanted = wanted + dilated(wanted, *map(array, convolution.weights), rate)
    np.testing.assert_allclose(array(core(features)), wanted, atol=1e-4)


def test_the_receptive_field_of_the_core():
    core = BPNetCore(depth=3)
    core.build((None, 81, 2))
    for weight in core.weights:
        weight.assign(np.abs(random_array(*weight.shape)))  # positive, so that ReLU does not set values to zero
    here = np.abs(random_array(1, 81, 2))
    there = here.copy()
    there[:, 40] += 1
    reached = np.flatnonzero((np.abs(array(core(here)) - array(core(there))) > 1e-4).any(2)[0])
    assert (reached.min(), reached.max()) == (40 - 14, 40 + 14)
