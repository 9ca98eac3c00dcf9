"""Dropout: rate, mean, seed, and fallback to Keras's own dropout."""

import keras
import numpy as np
import pytest
from keras_arrays import array, gradients, random_array

from dreamkeras.layers.parts.dropout import Dropout

ONES = np.ones((50, 7, 29), np.float32)  # an odd number of elements


def dropped(rate, inputs=ONES, seed=0):
    keras.utils.set_random_seed(seed)
    return array(Dropout(rate)(inputs, training=True))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_fraction_of_zeros_is_the_rate_and_the_mean_is_kept(rate):
    outputs = dropped(rate)
    assert abs((outputs == 0).mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / outputs.size)
    np.testing.assert_allclose(outputs[outputs != 0], 1 / (1 - rate), rtol=1e-6)


def test_elements_are_dropped_independently():
    zeros = (dropped(0.5) == 0).reshape(50, -1) - 0.5
    along = (zeros[:, 1:] * zeros[:, :-1]).mean(), (zeros[:, 2:] * zeros[:, :-2]).mean(), (zeros[1:] * zeros[:-1]).mean()
    assert np.abs(along).max() < 4 * 0.25 / np.sqrt(zeros.size)


def test_dropped_elements_depend_on_the_seed_and_the_call():
    np.testing.assert_array_equal(dropped(0.5), dropped(0.5))
    assert (dropped(0.5) != dropped(0.5, seed=1)).any()
    layer = Dropout(0.5)
    assert (array(layer(ONES, training=True)) != array(layer(ONES, training=True))).any()


def test_the_gradient_is_zero_for_dropped_elements():
    by_inputs, *_ = gradients(Model(), random_array(8, 12), np.ones((8, 12), np.float32))
    assert set(np.round(np.unique(by_inputs), 4)) == {0, 2}


class Model(keras.layers.Layer):
    """A layer that always drops half of its inputs."""

    def __init__(self):
        super().__init__()
        self.drop = Dropout(0.5)

    def call(self, features):
        return self.drop(features, training=True)


@pytest.mark.parametrize("options", [{"rate": 0.0}, {"rate": 0.5, "training": False}])
def test_without_training_or_with_rate_0_nothing_is_dropped(options):
    training = options.pop("training", True)
    inputs = random_array(3, 5)
    np.testing.assert_array_equal(array(Dropout(**options)(inputs, training=training)), inputs)


def test_noise_shape_is_supported():
    outputs = array(Dropout(0.5, noise_shape=(50, 1, 29))(ONES, training=True))
    assert (outputs == outputs[:, :1]).all()
    assert 0.4 < (outputs == 0).mean() < 0.6
