"""A toy model on disk and opened, for all tests of scoring."""

from pathlib import Path

import pytest
from toy_models import write_toy_model

from dreamkeras.scoring.predictor import OnnxPredictor, load


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """The path of a model that counts letters."""
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture(scope="session")
def predictor(toy_model) -> OnnxPredictor:
    """The toy model, opened."""
    return load(toy_model, device="cpu", threads=1)


@pytest.fixture(scope="session")
def s3():
    """An S3 server."""
    pytest.importorskip("moto.server")
    from s3_server import s3_server

    with s3_server() as bucket:
        yield bucket


@pytest.fixture
def bucket(s3, monkeypatch):
    """Its bucket, empty, and in the environment what is needed to use it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    s3.empty()
    return s3
