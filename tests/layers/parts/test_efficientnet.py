"""The parts of EfficientNet-like cores, compared with NumPy."""

import numpy as np
import pytest
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.parts.efficientnet import ConvNormSiLU, InvertedResidual, SqueezeExcite


def built(layer, channels):
    layer.build((None, 12, channels))
    return randomise(layer)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def test_conv_norm_silu_in_evaluation_uses_the_moving_statistics():
    layer, inputs = built(ConvNormSiLU(4, 1), 8), random_array(3, 12, 8)
    kernel, gamma, beta, mean, variance = map(array, layer.weights)
    normal = (inputs @ kernel[0] - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    np.testing.assert_allclose(array(layer(inputs)), normal * sigmoid(normal), atol=1e-5)


def test_conv_norm_silu_in_training_uses_batch_statistics_and_updates_the_moving_ones():
    layer, inputs = built(ConvNormSiLU(4, 1), 8), random_array(3, 12, 8)
    kernel, gamma, beta, mean, variance = map(array, layer.weights)
    features = inputs @ kernel[0]
    normal = (features - features.mean((0, 1))) / np.sqrt(features.var((0, 1)) + 1e-5) * gamma + beta
    np.testing.assert_allclose(array(layer(inputs, training=True)), normal * sigmoid(normal), atol=1e-5)
    moved = [array(weight) for weight in layer.weights[-2:]]
    np.testing.assert_allclose(moved[0], 0.9 * mean + 0.1 * features.mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(moved[1], 0.9 * variance + 0.1 * features.var((0, 1)), atol=1e-5)


def test_squeeze_excite_gates_channels_by_their_means():
    layer, inputs = built(SqueezeExcite(3), 8), random_array(3, 12, 8)
    down, down_bias, up, up_bias = map(array, layer.weights)
    hidden = inputs.mean(1) @ down + down_bias
    gate = sigmoid(hidden * sigmoid(hidden) @ up + up_bias)
    np.testing.assert_allclose(array(layer(inputs)), inputs * gate[:, None], atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_an_inverted_residual_applies_its_parts_in_order(training):
    layer, inputs = built(InvertedResidual(4), 8), random_array(3, 12, 8)
    residual = inputs
    for part in (layer.widen, layer.mix, layer.gate, layer.narrow):
        residual = part(residual) if part is layer.gate else part(residual, training=training)
    wanted = layer.resize(np.concatenate([inputs, array(residual)], axis=-1), training=training)
    np.testing.assert_allclose(array(layer(inputs, training=training)), array(wanted), atol=1e-4)
    assert layer.mix.convolution.kernel.shape == (7, 2, 16)
    assert layer.gate.hidden == 2


def test_the_middle_can_be_depthwise_with_four_times_the_input_channels():
    layer = built(InvertedResidual(4, group_channels=1, widen_input=True), 8)
    assert layer.mix.convolution.kernel.shape == (7, 1, 32)
    assert layer(random_array(3, 12, 8)).shape == (3, 12, 4)
