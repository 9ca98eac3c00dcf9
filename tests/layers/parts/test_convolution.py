"""Conv1D, compared with its definition, and with Keras's own layer where that is supported."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from keras_arrays import array, gradients, random_array, randomise

from dreamkeras.layers.parts.convolution import BLOCK, Conv1D
from dreamkeras.layers.parts.exportable import exportable_layers

SHAPES = [  # channels, filters, taps, groups
    (6, 5, 1, 1),
    (6, 4, 7, 1),
    (6, 4, 4, 1),
    (8, 8, 7, 4),
    (8, 8, 4, 4),
    (8, 8, 5, 8),
    (6, 12, 3, 3),
    (12, 6, 3, 3),
    (96, 96, 7, 48),
    (80, 80, 3, 2),
]
"""Shapes with one group, small groups in one block, groups in several blocks and groups wider than a block, with odd and even taps."""


def taps_of(inputs, kernel, groups):
    """Yields each filter and tap with the input channels of the filter's group and the padded inputs at that tap."""
    taps, width, filters = kernel.shape
    padded = np.pad(inputs, ((0, 0), ((taps - 1) // 2, taps // 2), (0, 0)))
    for filter_, tap in np.ndindex(filters, taps):
        channels = slice(filter_ * groups // filters * width, (filter_ * groups // filters + 1) * width)
        yield filter_, tap, channels, padded[:, tap : tap + inputs.shape[1], channels]


def convolve(inputs, kernel, groups):
    outputs = np.zeros((*inputs.shape[:2], kernel.shape[2]))
    for filter_, tap, _, seen in taps_of(inputs, kernel, groups):
        outputs[:, :, filter_] += seen @ kernel[tap, :, filter_]
    return outputs


def convolve_backwards(inputs, kernel, groups, cotangent):
    """Returns the gradients of `sum(convolve(inputs, kernel, groups) * cotangent)` with respect to inputs and kernel."""
    kernel_gradient, taps, length = np.zeros(kernel.shape), len(kernel), inputs.shape[1]
    padded_gradient = np.zeros((len(inputs), length + taps - 1, inputs.shape[2]))
    for filter_, tap, channels, seen in taps_of(inputs, kernel, groups):
        pulled = cotangent[:, :, filter_, None]
        kernel_gradient[tap, :, filter_] = (seen * pulled).sum((0, 1))
        padded_gradient[:, tap : tap + length, channels] += pulled * kernel[tap, :, filter_]
    return padded_gradient[:, (taps - 1) // 2 :][:, :length], kernel_gradient


def made(channels, filters, taps, groups, **options):
    layer = Conv1D(filters, taps, groups=groups, **options)
    layer.build((None, None, channels))
    return randomise(layer)


@pytest.mark.parametrize(("channels", "filters", "taps", "groups"), SHAPES)
def test_outputs_are_the_sum_over_taps_and_channels_of_the_group(channels, filters, taps, groups):
    layer, inputs = made(channels, filters, taps, groups), random_array(3, 11, channels)
    kernel, bias = map(array, layer.weights)
    np.testing.assert_allclose(array(layer(inputs)), convolve(inputs, kernel, groups) + bias, atol=2e-4)


@pytest.mark.parametrize(("channels", "filters", "taps", "groups"), SHAPES)
def test_gradients_equal_those_of_the_definition(channels, filters, taps, groups):
    layer, inputs = made(channels, filters, taps, groups), random_array(3, 11, channels)
    cotangent = random_array(3, 11, filters, seed=1)
    wanted = convolve_backwards(inputs, array(layer.kernel), groups, cotangent)
    by_inputs, by_kernel, by_bias = gradients(layer, inputs, cotangent)
    np.testing.assert_allclose(by_inputs, wanted[0], atol=5e-4)
    np.testing.assert_allclose(by_kernel, wanted[1], atol=5e-4)
    np.testing.assert_allclose(by_bias, cotangent.sum((0, 1)), atol=5e-4)


@settings(max_examples=8, deadline=None)
@given(
    groups=st.integers(1, 6),
    width=st.integers(1, 3),
    outputs=st.integers(1, 3),
    taps=st.integers(1, 8),
    length=st.integers(1, 9),
    bias=st.booleans(),
    activation=st.sampled_from([None, "relu"]),
)
def test_outputs_equal_the_definition_for_any_shape(groups, width, outputs, taps, length, bias, activation):
    layer = made(groups * width, groups * outputs, taps, groups, use_bias=bias, activation=activation)
    inputs = random_array(2, length, groups * width)
    kernel, *biases = map(array, layer.weights)
    wanted = convolve(inputs, kernel, groups) + sum(biases)
    assert len(biases) == bias
    np.testing.assert_allclose(array(layer(inputs)), np.maximum(wanted, 0) if activation else wanted, atol=1e-4)


@pytest.mark.parametrize(("taps", "dilation"), [(3, 2), (5, 4), (3, 16)])
def test_dilation_equals_a_wide_kernel_with_zeros_between_taps(taps, dilation):
    layer, inputs = made(6, 5, taps, 1, dilation_rate=dilation), random_array(3, 11, 6)
    wide = np.zeros(((taps - 1) * dilation + 1, 6, 5), np.float32)
    wide[::dilation] = array(layer.kernel)
    np.testing.assert_allclose(array(layer(inputs)), convolve(inputs, wide, 1) + array(layer.bias), atol=1e-4)
    cotangent = random_array(3, 11, 5, seed=1)
    by_inputs, by_kernel = convolve_backwards(inputs, wide, 1, cotangent)
    came = gradients(layer, inputs, cotangent)
    np.testing.assert_allclose(came[0], by_inputs, atol=5e-4)
    np.testing.assert_allclose(came[1], by_kernel[::dilation], atol=5e-4)


@pytest.mark.parametrize("options", [{"groups": 2}, {"kernel_size": 4}])
def test_dilation_of_groups_or_even_taps_is_rejected(options):
    with pytest.raises(ValueError, match=r"Dilation in 'conv1d.*' requires one group and an odd number of taps"):
        Conv1D(**{"filters": 4, "kernel_size": 3, "dilation_rate": 2, **options})


@pytest.mark.parametrize("taps", [1, 4, 7])
def test_one_group_equals_the_keras_layer_with_the_same_weights(taps):
    ours, inputs = made(6, 5, taps, 1, activation="relu"), random_array(3, 11, 6)
    keras_own = keras.layers.Conv1D(5, taps, padding="same", activation="relu")
    keras_own.build((None, None, 6))
    assert [weight.path.rsplit("/", 1)[-1] for weight in ours.weights] == ["kernel", "bias"]
    keras_own.set_weights(ours.get_weights())
    np.testing.assert_allclose(array(ours(inputs)), array(keras_own(inputs)), atol=1e-5)


def test_a_model_accepts_any_batch_size():
    features = keras.Input((11, 8))
    model = keras.Model(features, made(8, 8, 3, 4)(features))
    inputs = random_array(5, 11, 8)
    whole = model.predict(inputs, verbose=0)
    assert model.output_shape == (None, 11, 8)
    np.testing.assert_allclose(model.predict(inputs, batch_size=2, verbose=0), whole, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="jax.jit is JAX's")
def test_jit_changes_nothing():
    import jax

    layer, inputs = made(2 * BLOCK, 2 * BLOCK, 5, BLOCK), random_array(2, 9, 2 * BLOCK)
    np.testing.assert_allclose(jax.jit(layer.__call__)(inputs), layer(inputs), atol=1e-5)


@pytest.mark.parametrize("taps", [4, 7])
def test_the_exportable_form_gives_the_same_outputs(taps):
    layer, inputs = made(8, 8, taps, 4), random_array(3, 11, 8)
    plain = array(layer(inputs))
    with exportable_layers():
        np.testing.assert_allclose(array(layer(inputs)), plain, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 16, 17])
def test_depthwise_convolution_in_bfloat16(channels):
    layer, inputs = made(channels, channels, 15, channels, dtype="mixed_bfloat16"), random_array(2, 20, channels)
    kernel, bias = map(array, layer.weights)
    np.testing.assert_allclose(array(layer(inputs)), convolve(inputs, kernel, channels) + bias, rtol=0.05, atol=0.1)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_the_exportable_form_is_one_operation_inside_the_context_only():
    import tensorflow as tf

    layer = made(128, 128, 7, 64)

    def convolutions():
        graph = tf.function(layer.__call__).get_concrete_function(tf.TensorSpec((None, 11, 128)))
        return sum(operation.type == "Conv2D" for operation in graph.graph.get_operations())

    with exportable_layers():
        assert convolutions() == 1
    assert convolutions() == 128 // BLOCK


@pytest.mark.parametrize("options", [{"filters": 6, "groups": 4}, {"filters": 4, "groups": 4}])
def test_channels_and_filters_must_be_multiples_of_the_groups(options):
    with pytest.raises(ValueError, match="groups"):
        Conv1D(kernel_size=3, **options).build((None, 11, 6))


@pytest.mark.parametrize("options", [{"strides": 2}, {"padding": "valid"}, {"data_format": "channels_first"}])
def test_unsupported_options_are_rejected(options):
    with pytest.raises(ValueError, match="Expected stride 1, same padding"):
        Conv1D(4, 3, **options)


def test_an_unknown_backend_is_rejected(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    from dreamkeras.layers.parts.convolution import _convolve

    with pytest.raises(NotImplementedError, match="Expected backend tensorflow, jax or torch, got 'openvino'"):
        _convolve(ops.ones((1, 3, 2)), ops.ones((3, 2, 2)), 1, 1)
