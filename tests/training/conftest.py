"""Fixtures: a library on disk, the configuration of a short run on it, and a finished run."""

from pathlib import Path

import keras
import pytest
from tiny_network import tiny_preset, write_library

from dreamkeras.training.config import RunConfig


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """A file of 150 simulated promoters."""
    return write_library(tmp_path_factory.mktemp("data") / "library.tsv")


@pytest.fixture(scope="session")
def choose(library):
    """`choose(**choices)`: the configuration of a run of the tiny network on the backend of this process."""
    usual = {"data": str(library), "model": "tiny", "backend": keras.backend.backend(), "epochs": 2, "batch_size": 64, "seed": 3}
    return lambda **choices: RunConfig(**{**usual, **choices})


@pytest.fixture
def quick():
    """Registers the tiny network, and skips plots and export at the end of runs."""
    with tiny_preset() as patch:
        yield patch


@pytest.fixture(scope="session")
def finished(choose, tmp_path_factory) -> Path:
    """The folder of a finished run of 3 epochs, with plots and export."""
    from dreamkeras.training.run import train

    folder = tmp_path_factory.mktemp("runs") / "finished"
    with tiny_preset(exported=True):
        train(choose(epochs=3), folder)
    return folder
