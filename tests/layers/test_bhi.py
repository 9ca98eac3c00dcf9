"""BHI's first block against NumPy."""

import numpy as np
import pytest
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.bhi import BHIFirst


def made(**options):
    block = BHIFirst(6, (3, 5), **options)
    block.build((None, 12, 5))
    return randomise(block)


def scanned(inputs, kernel, bias):
    taps = len(kernel)
    padded = np.pad(inputs, ((0, 0), (taps // 2, taps // 2), (0, 0)))
    windows = np.stack([padded[:, tap : tap + inputs.shape[1]] for tap in range(taps)], axis=2)
    return np.maximum(np.einsum("blkc,kco->blo", windows, kernel) + bias, 0)


def test_it_is_the_scanners_side_by_side():
    block, inputs = made(), random_array(3, 12, 5)
    wanted = [scanned(inputs, *map(array, convolution.weights)) for convolution in block.convolutions]
    np.testing.assert_allclose(array(block(inputs)), np.concatenate(wanted, axis=-1), atol=1e-5)


def test_dropout_is_for_training_only_and_keeps_the_mean():
    block, inputs = made(dropout=0.5), random_array(64, 12, 5)
    kept, dropped = array(block(inputs, training=False)), array(block(inputs, training=True))
    np.testing.assert_array_equal(kept, array(made(dropout=0.5)(inputs)))
    active = kept > 0
    assert 0.4 < (dropped[active] == 0).mean() < 0.6
    np.testing.assert_allclose(dropped[active & (dropped > 0)], 2 * kept[active & (dropped > 0)], rtol=1e-5)


def test_dream_cnn_has_this_many_weights():
    block = BHIFirst()
    block.build((None, 150, 6))
    assert block.count_params() == 160 * (6 * 9 + 1) + 160 * (6 * 15 + 1)


def test_channels_that_the_kernels_cannot_share_are_refused():
    with pytest.raises(ValueError, match="Expected channels to be a multiple of 2 kernels, got 7"):
        BHIFirst(7)
