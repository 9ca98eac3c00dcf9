"""The user's keras.json and Keras's environment variables do not affect dreamkeras's processes, and a caller's settings are restored."""

import json
import os
import subprocess
import sys

import keras
import pytest

from dreamkeras.errors import DreamkerasError, MissingPackageError
from dreamkeras.export.keras_settings import (
    HOME,
    SETTINGS,
    child_environment,
    importing_keras,
    keras_environment,
    pinned_settings,
    starting_keras,
)

BACKEND = keras.backend.backend()
NAMES = [name for name in SETTINGS if hasattr(keras.config, f"set_{name}")]

SHOW = """
import json, os
from dreamkeras.training.backend import choose_backend
choose_backend("{backend}")
from keras import config
found = {{name: getattr(config, name)() for name in {names}}}
found["dtype_policy"] = found["dtype_policy"].name
print(json.dumps([config.backend(), found, {{name: value for name, value in os.environ.items() if name.startswith("KERAS_")}}]))
"""

USERS = {
    "half": {"floatx": "float16", "epsilon": 0.5, "image_data_format": "channels_first", "backend": "torch", "nnx_enabled": True},
    "refused by Keras": {"floatx": "bfloat16", "epsilon": 1, "image_data_format": "last", "backend": "theano"},
}


@pytest.mark.parametrize("user", USERS)
def test_processes_of_dreamkeras_ignore_the_users_settings(user, tmp_path):
    text = json.dumps(USERS[user])
    (tmp_path / "keras.json").write_text(text)
    variables = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "no number", "KERAS_NNX_ENABLED": "1"}
    code = SHOW.format(backend=BACKEND, names=NAMES)
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    backend, found, environment = json.loads(done.stdout)
    assert (backend, found) == (BACKEND, {name: SETTINGS[name] for name in NAMES})
    assert environment == {**variables, "KERAS_BACKEND": BACKEND}  # restored for child processes of the user
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"keras.json": text}


def test_the_packaged_file_has_the_pinned_settings():
    """The packaged keras.json and SETTINGS must agree, so that training and export use the same settings."""
    settings = json.loads((HOME / "keras.json").read_text())
    assert {name: settings[name] for name in ("floatx", "epsilon", "image_data_format")} == {
        name: SETTINGS[name] for name in ("floatx", "epsilon", "image_data_format")
    }
    assert settings["nnx_enabled"] is False
    assert SETTINGS["dtype_policy"] == settings["floatx"]


@pytest.mark.parametrize("environment", [keras_environment, child_environment])
def test_workers_use_the_packaged_file_and_no_limits(environment, monkeypatch):
    for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("KERAS_HOME", "/somewhere")
    found = environment("jax")
    assert {name: value for name, value in found.items() if name.startswith("KERAS_")} == {"KERAS_BACKEND": "jax", "KERAS_HOME": str(HOME)}
    assert os.environ["KERAS_HOME"] == "/somewhere"


def test_the_environment_is_restored_after_an_error(monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "/somewhere")
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "3")
    monkeypatch.setenv("KERAS_BACKEND", "jax")

    def fail():
        assert os.environ["KERAS_HOME"] == str(HOME)
        os.environ["SET_WHILE_KERAS_STARTS"] = "1"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), starting_keras("torch"):
        fail()
    assert (os.environ["KERAS_HOME"], os.environ["KERAS_MAX_EPOCHS"], os.environ["KERAS_BACKEND"]) == ("/somewhere", "3", "torch")
    assert os.environ.pop("SET_WHILE_KERAS_STARTS") == "1"


@pytest.fixture
def odd_settings():
    """Changes the settings as a user might in a Python session, and checks that they are the same after the test."""
    odd = {"floatx": "float16", "epsilon": 0.5, "image_data_format": "channels_first", "max_epochs": 1, "max_steps_per_epoch": 1}
    odd = {name: value for name, value in odd.items() if name in NAMES} | {"dtype_policy": "mixed_float16"}
    before = {name: getattr(keras.config, name)() for name in odd}
    for name, value in odd.items():
        getattr(keras.config, f"set_{name}")(value)
    yield odd
    after = {name: getattr(keras.config, name)() for name in odd}
    for name, value in before.items():
        getattr(keras.config, f"set_{name}")(value)
    assert {**after, "dtype_policy": after["dtype_policy"].name} == odd


def test_pinned_settings_apply_inside_and_the_callers_are_restored(odd_settings):
    def look():
        found = {name: getattr(keras.config, name)() for name in NAMES}
        assert {**found, "dtype_policy": found["dtype_policy"].name} == {name: SETTINGS[name] for name in NAMES}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), pinned_settings():
        look()


@pytest.mark.skipif(not hasattr(keras.config, "is_nnx_enabled"), reason="this Keras has no NNX")
def test_flax_nnx_is_rejected(monkeypatch):
    monkeypatch.setattr(keras.config, "is_nnx_enabled", lambda: True)
    with pytest.raises(MissingPackageError, match="Keras has Flax NNX enabled"), pinned_settings():
        pass


def test_signals_wait_until_the_frameworks_are_imported():
    """An exception that passes through a library in C++ can abort the process."""
    code = """
import os, signal
from dreamkeras.export.keras_settings import importing_keras
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
with importing_keras():
    os.kill(os.getpid(), signal.SIGTERM)
    print("imported")
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == [
        "imported",
        "handled",
    ]


def test_too_few_threads_are_an_error_instead_of_an_abort(monkeypatch):
    monkeypatch.setattr("dreamkeras.export.keras_settings.can_start_threads", lambda number: number < 16)
    with pytest.raises(DreamkerasError, match="Cannot start the threads of TensorFlow and JAX: the limit of processes"), importing_keras():
        pass
