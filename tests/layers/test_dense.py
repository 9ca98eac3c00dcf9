"""Dense against its definition, and against Keras's own."""

import keras
import numpy as np
import pytest
from keras_arrays import array, gradients, random_array, randomise

from dreamkeras.layers.dense import Dense

SHAPES = [(7, 4), (3, 5, 4), (2, 3, 5, 4)]


def made(units, channels, **options):
    layer = Dense(units, **options)
    layer.build((None, channels))
    return randomise(layer)


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_are_a_matrix_product_and_a_bias(shape):
    layer, inputs = made(6, 4), random_array(*shape)
    kernel, bias = map(array, layer.weights)
    np.testing.assert_allclose(array(layer(inputs)), inputs @ kernel + bias, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_the_product(shape):
    layer, inputs, cotangent = made(6, 4), random_array(*shape), random_array(*shape[:-1], 6, seed=1)
    kernel, rows = array(layer.kernel), cotangent.reshape(-1, 6)
    by_inputs, by_kernel, by_bias = gradients(layer, inputs, cotangent)
    np.testing.assert_allclose(by_inputs, cotangent @ kernel.T, atol=1e-4)
    np.testing.assert_allclose(by_kernel, inputs.reshape(-1, 4).T @ rows, atol=1e-4)
    np.testing.assert_allclose(by_bias, rows.sum(0), atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": "relu"}])
def test_it_is_keras_own_with_the_same_weights(options):
    ours, inputs = made(6, 4, **options), random_array(3, 5, 4)
    keras_own = keras.layers.Dense(6, **options)
    keras_own.build((None, 4))
    assert [weight.path.rsplit("/", 1)[-1] for weight in ours.weights] == [weight.name for weight in keras_own.weights]
    keras_own.set_weights(ours.get_weights())
    np.testing.assert_allclose(array(ours(inputs)), array(keras_own(inputs)), atol=1e-5)
