"""BHI's blocks, compared with NumPy, and the core, compared with plain torch with the same weights."""

import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
from keras_arrays import array, random_array, randomise
from torch_networks import kernel

from dreamkeras.layers.blocks.bhi import BHICore, BHIFinal, BHIFirst, BHIMeanFinal


def made(**options):
    block = BHIFirst(6, (3, 5), **options)
    block.build((None, 12, 5))
    return randomise(block)


def scanned(inputs, kernel, bias):
    taps = len(kernel)
    padded = np.pad(inputs, ((0, 0), (taps // 2, taps // 2), (0, 0)))
    windows = np.stack([padded[:, tap : tap + inputs.shape[1]] for tap in range(taps)], axis=2)
    return np.maximum(np.einsum("blkc,kco->blo", windows, kernel) + bias, 0)


def test_the_first_block_concatenates_its_convolutions():
    block, inputs = made(), random_array(3, 12, 5)
    wanted = [scanned(inputs, *map(array, convolution.weights)) for convolution in block.convolutions]
    np.testing.assert_allclose(array(block(inputs)), np.concatenate(wanted, axis=-1), atol=1e-5)


def test_dropout_applies_only_in_training_and_keeps_the_mean():
    block, inputs = made(dropout=0.5), random_array(64, 12, 5)
    kept, dropped = array(block(inputs, training=False)), array(block(inputs, training=True))
    np.testing.assert_array_equal(kept, array(made(dropout=0.5)(inputs)))
    active = kept > 0
    assert 0.4 < (dropped[active] == 0).mean() < 0.6
    np.testing.assert_allclose(dropped[active & (dropped > 0)], 2 * kept[active & (dropped > 0)], rtol=1e-5)


def test_dream_cnns_first_block_has_the_expected_number_of_weights():
    block = BHIFirst()
    block.build((None, 150, 6))
    assert block.count_params() == 160 * (6 * 9 + 1) + 160 * (6 * 15 + 1)


def test_channels_must_be_a_multiple_of_the_kernels():
    with pytest.raises(ValueError, match="Expected channels to be a multiple of 2, the number of kernels, got 7"):
        BHIFirst(7)


@pytest.fixture(scope="module")
def twins():
    """Returns the body of a small plain torch DREAM-RNN, and a first block and core with the same weights."""
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
        network = importlib.import_module("torch_dream_rnn").DreamRNN((8, 5, 6)).eval()
    state = {name: values.numpy() for name, values in network.body.state_dict().items()}
    first, core = BHIFirst(8), BHICore(6, units=5)
    first.build((None, 20, 6))
    core.build((None, 20, 8))
    for place, scanners in (("0", first), ("1.scanners", core.scanners)):
        for i, convolution in enumerate(scanners.convolutions):
            convolution.set_weights([kernel(state[f"{place}.convs.{i}.weight"]), state[f"{place}.convs.{i}.bias"]])
    for suffix, direction in zip(("", "_reverse"), core.lstm.directions, strict=True):
        weights = [state[f"1.lstm.{name}_l0{suffix}"].T for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        for weight, values in zip(direction, weights, strict=True):
            weight.assign(values)
    return network.body, first, core


def test_first_block_and_core_equal_plain_torch(twins):
    import torch

    body, first, core = twins
    inputs = random_array(5, 20, 6)
    with torch.no_grad():
        wanted = body(torch.tensor(inputs).permute(0, 2, 1)).permute(0, 2, 1).numpy()
    np.testing.assert_allclose(array(core(first(inputs))), wanted, atol=1e-5)


def test_the_core_combines_two_dropout_rates():
    core = randomised(BHICore(64, units=8, dropout=0.2, last_dropout=0.5), (None, 20, 8))
    inputs = random_array(32, 20, 8)
    kept, dropped = array(core(inputs, training=False)), array(core(inputs, training=True))
    active = kept > 0
    assert (dropped[active] == 0).mean() == pytest.approx(1 - 0.8 * 0.5, abs=0.02)
    left = active & (dropped > 0)
    np.testing.assert_allclose(dropped[left], kept[left] / 0.4, rtol=1e-4)


def test_the_core_of_dream_rnn_has_the_expected_number_of_weights():
    core = BHICore()
    core.build((None, 150, 320))
    lstm, scanners = 2 * 4 * 320 * (320 + 320 + 2), 160 * (640 * 9 + 1) + 160 * (640 * 15 + 1)
    assert core.count_params() - core.scanners.drop.count_params() == lstm + scanners


def randomised(layer, shape):
    layer.build(shape)
    return randomise(layer)


def dense(values, layers):
    """Applies dense layers with ReLU between them."""
    for i, layer in enumerate(layers):
        weight, bias = map(array, layer.weights)
        values = np.maximum(values, 0 if i else -np.inf) @ weight + bias
    return values


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("hidden", [(), (7, 5)])
def test_the_final_block_applies_dense_layers_to_the_mean_or_to_all_positions(flatten, hidden):
    layer, inputs = randomised(BHIFinal(2, hidden, flatten), (None, 12, 4)), random_array(3, 12, 4)
    wanted = dense(inputs.reshape(3, 48) if flatten else inputs.mean(1), layer.mappers)
    units = array(layer.scale) * wanted + array(layer.offset)
    np.testing.assert_allclose(array(layer(inputs)["expression"]), units, atol=1e-4)


def test_bhi_flattens_by_default_and_bhi_mean_accepts_any_length():
    assert BHIFinal().flatten
    layer = randomised(BHIMeanFinal(), (None, None, 4))
    assert layer(random_array(3, 5, 4))["expression"].shape == layer(random_array(3, 9, 4))["expression"].shape
    assert array(layer.mappers[0].kernel).shape == (4, 64)


def test_the_two_final_blocks_differ_only_in_the_default_of_flatten():
    pooled, same = randomised(BHIMeanFinal(2, (5,)), (None, 12, 4)), randomised(BHIFinal(2, (5,), flatten=False), (None, 12, 4))
    inputs = random_array(3, 12, 4)
    np.testing.assert_allclose(array(pooled(inputs)["expression"]), array(same(inputs)["expression"]), atol=1e-6)


def test_the_loss_is_the_huber_loss_of_standardised_values():
    layer = BHIFinal(1)
    layer.build((None, 12, 4))
    layer.fit_scale(np.array([[3.0], [7.0]], np.float32))  # mean 5, deviation 2
    targets, expression = np.array([[5.0], [6.0], [9.0]], np.float32), np.array([[5.5], [3.0], [1.0]], np.float32)
    wanted = np.mean([0.25**2 / 2, 1.5 - 0.5, 4 - 0.5])
    came = layer.loss(keras.ops.convert_to_tensor(targets), {"expression": keras.ops.convert_to_tensor(expression)})
    assert float(came) == pytest.approx(wanted, rel=1e-5)
    assert float(came) == pytest.approx(float(keras.losses.Huber(1.0)(targets / 2, expression / 2)), rel=1e-5)


def test_the_penalty_is_quadratic_up_to_1_and_linear_beyond():
    layer = BHIFinal(1)
    np.testing.assert_allclose(
        array(layer.penalty(np.array([-2, -1, -0.5, 0, 0.5, 1, 2], np.float32))), [1.5, 0.5, 0.125, 0, 0.125, 0.5, 1.5]
    )
