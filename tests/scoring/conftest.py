"""Fixtures of a toy model, on disk and opened, for the tests of scoring."""

from pathlib import Path

import pytest
from toy_models import write_toy_model

from dreamkeras.scoring.predictor import OnnxPredictor, load


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """Path of a model that counts letters."""
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture(scope="session")
def predictor(toy_model) -> OnnxPredictor:
    """The opened toy model."""
    return load(toy_model, device="cpu", threads=1)
