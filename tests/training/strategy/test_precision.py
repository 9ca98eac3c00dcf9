import keras
import numpy as np
import pytest
from keras_arrays import array

from dreamkeras.training.config import PRECISIONS
from dreamkeras.training.strategy.precision import computing_in


@pytest.mark.parametrize("precision", PRECISIONS)
def test_layers_made_inside_compute_in_it_and_keep_float32_weights(precision):
    with computing_in(precision):
        layer = keras.layers.Dense(2)
    layer.build((None, 3))
    assert (layer.compute_dtype, layer.kernel.dtype) == (precision, "float32")
    assert keras.backend.standardize_dtype(layer(np.ones((1, 3), np.float32)).dtype) == precision


def test_halves_round_as_the_format_does():
    """1 + 2^-9 has a place in float16, which keeps ten bits after the point, and none in bfloat16, which keeps seven."""
    came = {}
    for precision in PRECISIONS:
        with computing_in(precision):
            layer = keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)
        came[precision] = array(layer(np.array([[1 + 2**-9]], np.float32))).item()
    assert came == {"float32": 1 + 2**-9, "float16": 1 + 2**-9, "bfloat16": 1.0}


@pytest.fixture
def policy():
    """One that no run begins with, and that is gone after the test."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("policy")
def test_the_policy_is_afterwards_what_it_was():
    with computing_in("float16"):
        assert keras.config.dtype_policy().name == "mixed_float16"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


@pytest.mark.usefixtures("policy")
def test_the_policy_is_what_it_was_after_an_error_too():
    with pytest.raises(ZeroDivisionError), computing_in("float16"):
        raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_an_unknown_precision_changes_nothing():
    before = keras.config.dtype_policy()
    with pytest.raises(KeyError), computing_in("int8"):
        pass
    assert keras.config.dtype_policy() == before
