import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras_arrays import array

from dreamkeras.errors import MissingPackageError
from dreamkeras.training import backend
from dreamkeras.training.backend import choose_backend, computing_in
from dreamkeras.training.names import BACKENDS, PRECISIONS

BACKEND = keras.backend.backend()
OTHER = next(name for name in BACKENDS if name != BACKEND)


def test_the_running_backend_precedes_the_environment(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", OTHER)
    assert choose_backend() == BACKEND


@pytest.mark.parametrize(
    ("installed", "named", "chosen"), [(BACKENDS, "", "tensorflow"), (BACKENDS[1:], "", "jax"), (BACKENDS, "torch", "torch")]
)
def test_the_environment_precedes_the_first_installed_backend(monkeypatch, installed, named, chosen):
    monkeypatch.setattr(backend, "keras_backend", lambda: None)
    monkeypatch.setattr(backend, "_installed", lambda package: package == "keras" or package in installed)
    monkeypatch.setattr(backend, "_start", lambda: None)
    monkeypatch.setenv("KERAS_BACKEND", named)
    assert choose_backend() == chosen
    assert os.environ["KERAS_BACKEND"] == chosen


@pytest.mark.parametrize(("missing", "extra"), [("keras", "train"), ("tensorflow", "train"), ("jax", "jax"), ("torch", "torch")])
def test_a_missing_package_names_its_extra(monkeypatch, missing, extra):
    monkeypatch.setattr(backend, "_installed", lambda package: package != missing)
    wanted = BACKEND if missing == "keras" else missing
    with pytest.raises(MissingPackageError, match=rf"Expected {missing} to be installed: pip install 'dreamkeras\[{extra}\]'"):
        choose_backend(wanted)


def test_an_unknown_backend_is_refused():
    with pytest.raises(MissingPackageError, match="Expected one of the backends tensorflow, jax, torch, got 'theano'"):
        choose_backend("theano")


def test_another_backend_than_the_running_one_is_refused(monkeypatch):
    monkeypatch.setattr(backend, "_installed", lambda package: True)
    monkeypatch.setenv("KERAS_BACKEND", BACKEND)
    with pytest.raises(MissingPackageError, match=f"Cannot use the backend {OTHER}, because Keras already runs with the backend {BACKEND}"):
        choose_backend(OTHER)
    assert os.environ["KERAS_BACKEND"] == BACKEND


def test_starting_keras_prints_nothing():
    """C++ libraries print messages about GPUs at any log level. Neither these messages nor Python logs may appear."""
    code = "from dreamkeras.training.backend import choose_backend; print(choose_backend())"
    env = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"} | {"KERAS_BACKEND": BACKEND}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert (done.stdout, done.stderr) == (f"{BACKEND}\n", "")


def test_finding_a_backend_imports_no_backend():
    code = "import sys; from dreamkeras.training.backend import find_backend; print(find_backend(), 'keras' in sys.modules)"
    environment = {**os.environ, "KERAS_BACKEND": BACKEND}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == f"{BACKEND} False\n"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_new_layers_compute_in_the_precision_with_float32_weights(precision):
    with computing_in(precision):
        layer = keras.layers.Dense(2)
    layer.build((None, 3))
    assert (layer.compute_dtype, layer.kernel.dtype) == (precision, "float32")
    assert keras.backend.standardize_dtype(layer(np.ones((1, 3), np.float32)).dtype) == precision


def test_half_precisions_round_like_their_formats():
    """1 + 2^-9 can be represented in float16, with ten fraction bits, but not in bfloat16, with seven."""
    came = {}
    for precision in PRECISIONS:
        with computing_in(precision):
            layer = keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)
        came[precision] = array(layer(np.array([[1 + 2**-9]], np.float32))).item()
    assert came == {"float32": 1 + 2**-9, "float16": 1 + 2**-9, "bfloat16": 1.0}


@pytest.fixture
def policy():
    """Sets a dtype policy that differs from the default, and restores the default after the test."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("policy")
def test_the_policy_is_restored():
    with computing_in("float16"):
        assert keras.config.dtype_policy().name == "mixed_float16"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


@pytest.mark.usefixtures("policy")
def test_the_policy_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), computing_in("float16"):
        raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_an_unknown_precision_changes_nothing():
    before = keras.config.dtype_policy()
    with pytest.raises(KeyError), computing_in("int8"):
        pass
    assert keras.config.dtype_policy() == before
