"""Weight initialisers: their distributions and their seeds."""

import keras
import numpy as np
import pytest
from keras_arrays import array

from dreamkeras.layers.parts import initializers
from dreamkeras.layers.parts.initializers import FanInUniform, FanOutNormal, GateUniform, GlorotUniform, NarrowNormal, UnitNormal

every_initializer = pytest.mark.parametrize("name", initializers.__all__)


@pytest.mark.parametrize(
    ("initializer", "shape", "deviation"),
    [
        (FanOutNormal(0), (7, 100, 64), np.sqrt(2 / (7 * 64))),
        (FanOutNormal(0), (7, 2, 512), np.sqrt(2 / (7 * 512))),
        (FanOutNormal(0), (100, 18), np.sqrt(2 / 18)),
        (NarrowNormal(0), (100, 80), 0.001),
        (UnitNormal(0), (100, 80), 1),
    ],
)
def test_weights_are_normal_with_the_expected_deviation(initializer, shape, deviation):
    weights = array(initializer(shape)) / deviation
    assert abs(weights.mean()) < 5 / np.sqrt(weights.size)
    assert weights.std() == pytest.approx(1, rel=4 / np.sqrt(weights.size))


@pytest.mark.parametrize(
    ("initializer", "shape", "bound"),
    [
        (FanInUniform(0), (15, 1, 256), 1 / np.sqrt(15)),
        (FanInUniform(0), (256, 64), 1 / np.sqrt(256)),
        (GlorotUniform(0), (64, 192), np.sqrt(6 / 256)),
        (GateUniform(0), (100, 4 * 16), 1 / np.sqrt(16)),
    ],
)
def test_weights_are_uniform_within_the_expected_bound(initializer, shape, bound):
    weights = array(initializer(shape)) / bound
    assert 0.99 < abs(weights).max() <= 1
    assert abs(weights.mean()) < 5 / np.sqrt(3 * weights.size)
    assert weights.std() == pytest.approx(np.sqrt(1 / 3), rel=4 / np.sqrt(weights.size))


@every_initializer
def test_weights_depend_only_on_the_seed(name):
    initializer = getattr(initializers, name)
    first, again, other = (array(initializer(seed)((3, 4, 5))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@every_initializer
def test_keras_seeds_initialisers_without_a_seed(name):
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        drawn += [array(getattr(initializers, name)()((3, 4))), array(getattr(initializers, name)()((3, 4)))]
    np.testing.assert_array_equal(drawn[:2], drawn[2:])
    assert (drawn[0] != drawn[1]).all()


@every_initializer
def test_a_deserialised_initialiser_draws_the_same_weights(name):
    initializer = getattr(initializers, name)()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(initializer))
    assert type(again) is type(initializer)
    np.testing.assert_array_equal(array(again((2, 3))), array(initializer((2, 3))))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@every_initializer
def test_weights_have_the_requested_dtype(name, dtype):
    assert keras.backend.standardize_dtype(getattr(initializers, name)(0)((2, 3), dtype).dtype) == dtype
