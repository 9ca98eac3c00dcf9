"""Fixtures: toy models with predictions that are easy to compute, in a repository and on a running server."""

import functools
from pathlib import Path

import pytest
from running_server import QUICK, running_server
from toy_models import write_toy_model

from dreamkeras.scoring.predictor import load
from dreamkeras.serving.repository import ModelRepository

open_toy = functools.partial(load, device="cpu", threads=1)


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """Path of a model that counts letters."""
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture
def make_repository(toy_model):
    """`make_repository(files=None, folder=None)` returns a repository with loaded models. Defaults to the toy model as `toy`."""

    def make(files=None, folder=None):
        repository = ModelRepository({"toy": toy_model} if files is None else files, folder, open_toy, QUICK)
        repository.load_all()
        return repository

    return make


@pytest.fixture(scope="module")
def running(toy_model):
    """Running server with the models `toy` and `twice` (versions 1, 2 and 10), for tests that do not change its state."""
    folder = toy_model.parent / "repository"
    for version in ("1", "2", "10"):
        (folder / "twice" / version).mkdir(parents=True, exist_ok=True)
        write_toy_model(folder / "twice" / version / "model.onnx", weight=2 * int(version), tasks=("gc",), name="twice")
    repository = ModelRepository({"toy": toy_model}, folder, open_toy, QUICK)
    repository.load_all()
    with running_server(repository) as server:
        yield server
