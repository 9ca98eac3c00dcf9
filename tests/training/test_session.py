"""Tests of runs in a Python session, with the backend and the settings of Keras in that session."""

import json

import keras
import numpy as np
import pytest
from tiny_network import tiny_preset

from dreamkeras.errors import InputError, MissingPackageError
from dreamkeras.training.backend import running_backend
from dreamkeras.training.config import RunConfig
from dreamkeras.training.cross_validation import cross_validate
from dreamkeras.training.grid.plan import expand
from dreamkeras.training.members.processes import _environment
from dreamkeras.training.names import BACKENDS
from dreamkeras.training.run import resume, train

BACKEND = keras.backend.backend()
OTHER = next(name for name in BACKENDS if name != BACKEND)


def chosen(folder):
    return json.loads((folder / "config.json").read_text())["backend"]


def test_a_run_without_a_backend_uses_the_running_one_and_can_be_resumed(choose, tmp_path, quick):
    train(choose(backend=None), tmp_path / "run")
    assert chosen(tmp_path / "run") == BACKEND
    resume(tmp_path / "run")


@pytest.mark.parametrize("begin", [train, lambda config, folder: cross_validate(config, folder, print)])
def test_another_backend_is_refused_before_reading_data(begin, choose, tmp_path):
    with pytest.raises((MissingPackageError, InputError), match=f"(Cannot use the|Expected) backend {OTHER}"):
        begin(choose(backend=OTHER, data="/nowhere.tsv", folds=2), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_with_another_backend_is_not_resumed(choose, tmp_path):
    choose(backend=OTHER).write(tmp_path / "config.json")
    with pytest.raises(InputError, match=f"Expected backend {OTHER}, because the run in .* was started with it, got {BACKEND}"):
        resume(tmp_path)


def test_folds_without_a_backend_use_the_running_one(choose, tmp_path):
    from dreamkeras.training import cross_validation

    with tiny_preset() as patch:
        patch.setattr(cross_validation, "export_ensemble", lambda folders, output, **options: output.touch())
        for _ in range(2):
            cross_validate(choose(backend=None, folds=2, epochs=1), tmp_path / "cv", print, resume=(tmp_path / "cv").exists())
    assert chosen(tmp_path / "cv") == chosen(tmp_path / "cv" / "fold-0") == BACKEND


def test_a_grid_without_a_backend_uses_that_of_this_process(library):
    run = expand({"models": ["dream-cnn-small"]}, data=str(library)).runs[0]
    assert run.config.backend is None
    assert _environment(run.config.backend, 1)["KERAS_BACKEND"] == BACKEND


def test_an_unknown_backend_is_refused():
    with pytest.raises(InputError, match="Expected one of the backends tensorflow, jax, torch, got 'theano'"):
        RunConfig(backend="theano")


def test_the_running_backend_is_that_of_keras():
    assert running_backend() == running_backend(BACKEND) == BACKEND


def test_keras_settings_of_the_user_do_not_change_runs(choose, tmp_path, quick, monkeypatch):
    train(choose(precision="float32"), tmp_path / "usual")
    config = keras.config
    before = {name: getattr(config, name)() for name in ("floatx", "epsilon", "image_data_format", "dtype_policy")}
    odd = {"floatx": "float64", "epsilon": 0.5, "image_data_format": "channels_first", "dtype_policy": "float64"}
    if hasattr(config, "set_max_epochs"):
        monkeypatch.setattr("keras.src.backend.config._MAX_EPOCHS", 1)
    try:
        for name, value in odd.items():
            getattr(config, f"set_{name}")(value)
        train(choose(precision="float32"), tmp_path / "odd")
        assert config.floatx() == "float64"
    finally:
        for name, value in before.items():
            getattr(config, f"set_{name}")(value)
    tables = [np.genfromtxt(tmp_path / name / "history.csv", delimiter=",", skip_header=1) for name in ("usual", "odd")]
    np.testing.assert_array_equal(*tables)
