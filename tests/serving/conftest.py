"""Toy models, whose answers can be counted by hand, in a repository and behind a port."""

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
    """The path of a model that counts letters."""
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture
def make_repository(toy_model):
    """`make_repository(files=None, folder=None)`: a repository, its models loaded; of the toy model as `toy` alone by default."""

    def make(files=None, folder=None):
        repository = ModelRepository({"toy": toy_model} if files is None else files, folder, open_toy, QUICK)
        repository.load_all()
        return repository

    return make


@pytest.fixture(scope="module")
def running(toy_model):
    """A server of the toy model as `toy`, and of two versions of another as `twice`, for tests that change nothing."""
    folder = toy_model.parent / "repository"
    for version in ("1", "2", "10"):
        (folder / "twice" / version).mkdir(parents=True, exist_ok=True)
        write_toy_model(folder / "twice" / version / "model.onnx", weight=2 * int(version), tasks=("gc",), name="twice")
    repository = ModelRepository({"toy": toy_model}, folder, open_toy, QUICK)
    repository.load_all()
    with running_server(repository) as server:
        yield server
