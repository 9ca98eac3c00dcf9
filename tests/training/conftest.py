"""A library on disk, the choices of a short run on it, and a finished run of those choices."""

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
    """`choose(**choices)`: the choices of a run of the tiny network on this process's backend."""
    usual = {"data": str(library), "model": "tiny", "backend": keras.backend.backend(), "epochs": 2, "batch_size": 64, "seed": 3}
    return lambda **choices: RunConfig(**{**usual, **choices})


@pytest.fixture
def quick():
    """The tiny network, and runs that end without plots and export."""
    with tiny_preset() as patch:
        yield patch


@pytest.fixture(scope="session")
def finished(choose, tmp_path_factory) -> Path:
    """The folder of a run of 3 epochs with all that comes after training."""
    from dreamkeras.training.run import train

    folder = tmp_path_factory.mktemp("runs") / "finished"
    with tiny_preset(exported=True):
        train(choose(epochs=3), folder)
    return folder
