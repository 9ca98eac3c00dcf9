"""SiLU, compared with its closed form."""

import keras
import numpy as np
from keras_arrays import array, gradients, random_array

from dreamkeras.layers.parts.activations import silu


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def test_silu_is_x_times_its_sigmoid():
    x = 4 * random_array(3, 5, 4)
    np.testing.assert_allclose(array(silu(x)), x * sigmoid(x), atol=2e-6)


def test_the_gradient_of_silu_is_its_derivative():
    x, cotangent = 4 * random_array(3, 5, 4), random_array(3, 5, 4, seed=1)
    (pulled,) = gradients(keras.layers.Activation(silu), x, cotangent)
    gate = sigmoid(x)
    np.testing.assert_allclose(pulled, cotangent * gate * (1 + x * (1 - gate)), atol=5e-6)


def test_silu_of_large_values_is_finite():
    x = np.array([[-1e4, -90, 0, 90, 1e4]], np.float32)
    np.testing.assert_allclose(array(silu(x)), [[0, 0, 0, 90, 1e4]])
