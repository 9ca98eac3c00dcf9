"""Autosome's blocks, compared with NumPy and with plain torch with the same weights."""

import keras
import numpy as np
import pytest
from keras import ops
from keras_arrays import array, random_array, randomise
from torch_networks import copy_plain, plain_torch

from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal, AutosomeFirst, soft_labels
from dreamkeras.layers.blocks.bhi import BHIFirst

VALUES = np.array([0, 0.3, 5, 8.5, 11.25, 16.99, 17], np.float32)


def built(layer, channels):
    layer.build((None, 12, channels))
    return randomise(layer)


@pytest.fixture(scope="module")
def twins():
    """Returns a small plain torch network and Keras blocks with the same weights."""
    pytest.importorskip("torch")
    network = plain_torch(widths := (16, 16, 8))
    first, core, final = BHIFirst(16), AutosomeCore(widths[1:]), AutosomeFinal()
    first.build((None, 20, 6))
    core.build((None, 20, 16))
    final.build((None, 20, 8))
    copy_plain(network, first, core, final)
    return network, first, core, final


@pytest.mark.parametrize("training", [False, True])
def test_blocks_equal_plain_torch(twins, training):
    import torch

    network, first, core, final = twins
    inputs = random_array(5, 20, 6)
    with torch.no_grad():
        wanted = network.train(training)(torch.tensor(inputs).permute(0, 2, 1)).numpy()
    outputs = final(core(first(inputs), training=training))
    np.testing.assert_allclose(array(outputs["logits"]), wanted, atol=1e-4)
    probabilities = np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True)
    np.testing.assert_allclose(array(outputs["expression"])[:, 0], probabilities @ np.arange(18), atol=1e-3)


def test_expression_is_the_mean_bin_of_the_softmax_over_mean_logits():
    layer, inputs = built(AutosomeFinal(5), 8), random_array(3, 12, 8)
    kernel, bias = map(array, layer.weights)
    logits = (inputs @ kernel + bias).mean(1)
    odds = np.exp(logits)
    outputs = layer(inputs)
    np.testing.assert_allclose(array(outputs["logits"]), logits, atol=1e-5)
    np.testing.assert_allclose(array(outputs["expression"]), (odds @ np.arange(5) / odds.sum(1))[:, None], atol=1e-5)


@pytest.mark.parametrize("bins", [3, 18])
def test_soft_labels_are_areas_under_the_normal_density(bins):
    stats = pytest.importorskip("scipy.stats")
    edges = np.array([-np.inf, *range(1, bins), np.inf])
    wanted = np.diff(stats.norm.cdf(edges, loc=VALUES[:, None] + 0.5, scale=0.5), axis=1)
    labels = array(soft_labels(ops.convert_to_tensor(VALUES), bins))
    np.testing.assert_allclose(labels, wanted, atol=1e-6)
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)
    assert (labels >= 0).all()


def loss_of(logits, values, weights=None):
    outputs = {"logits": ops.convert_to_tensor(logits)}
    weights = None if weights is None else ops.convert_to_tensor(weights)
    return float(array(AutosomeFinal().loss(ops.convert_to_tensor(values[:, None]), outputs, weights)))


def divergences(logits, values):
    labels = array(soft_labels(ops.convert_to_tensor(values))).astype(float)
    log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return np.sum(np.where(labels > 0, labels * (np.log(np.maximum(labels, 1e-30)) - log_softmax), 0), axis=1)


def test_the_loss_is_the_mean_divergence_from_the_soft_labels():
    logits = random_array(len(VALUES), 18)
    assert loss_of(logits, VALUES) == pytest.approx(divergences(logits, VALUES).mean(), rel=1e-5)


def test_the_loss_equals_torchs_divergence():
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    logits, labels = random_array(len(VALUES), 18), array(soft_labels(ops.convert_to_tensor(VALUES)))
    wanted = functional.kl_div(torch.log_softmax(torch.tensor(logits), 1), torch.tensor(labels), reduction="batchmean")
    assert loss_of(logits, VALUES) == pytest.approx(wanted.item(), rel=1e-4)


def test_the_loss_is_the_weighted_mean_of_the_divergences():
    logits, weights = random_array(len(VALUES), 18), np.linspace(0, 2, len(VALUES)).astype(np.float32)
    wanted = np.average(divergences(logits, VALUES), weights=weights)
    assert loss_of(logits, VALUES, weights) == pytest.approx(wanted, rel=1e-5)
    assert loss_of(logits, VALUES, np.full(len(VALUES), 3, np.float32)) == pytest.approx(loss_of(logits, VALUES), rel=1e-5)


def test_the_loss_of_the_labels_themselves_is_zero():
    labels = array(soft_labels(ops.convert_to_tensor(VALUES)))
    assert loss_of(np.log(np.maximum(labels, 1e-30)), VALUES) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("widths", [(8,), (8, 4, 4)])
def test_the_core_keeps_the_length_and_ends_with_its_last_width(widths):
    core = AutosomeCore(widths)
    assert core(random_array(2, 9, 8)).shape == (2, 9, widths[-1])
    assert core.compute_output_shape((None, 9, 8)) == (None, 9, widths[-1])


def test_dream_cnns_core_has_the_published_number_of_weights():
    core = AutosomeCore()
    core.build((None, 150, 320))
    trained = sum(int(np.prod(weight.shape)) for weight in core.trainable_weights)
    assert trained == 1_933_970 - 160 * (6 * 24 + 2) - 18 * 65
    assert isinstance(core.steps[0].widen.norm, keras.layers.BatchNormalization)
    assert core.steps[0].widen.norm.momentum == 0.9


def test_the_first_block_is_a_conv_norm_silu_layer():
    block, inputs = AutosomeFirst(4, 3), random_array(2, 12, 6)
    block.build((None, 12, 6))
    randomise(block)
    np.testing.assert_array_equal(array(block(inputs)), array(block.scan(inputs)))
    assert (block.scan.filters, block.scan.kernel_size, block.scan.groups) == (4, 3, 1)


def test_the_first_block_has_the_expected_number_of_weights():
    block = AutosomeFirst()
    block.build((None, 150, 6))
    assert sum(int(np.prod(weight.shape)) for weight in block.trainable_weights) == 256 * 7 * 6 + 2 * 256
