"""Tests of the network names in run folders, which other processes and newer versions have to find."""

import json
import os
import subprocess
import sys

import keras
import pytest

from dreamkeras.errors import ModelError
from dreamkeras.layers import slots
from dreamkeras.layers.slots import BLOCKS, Core, FirstLayers, register_block
from dreamkeras.models.combinations import lasting_name
from dreamkeras.training import run
from dreamkeras.training.config import RunConfig
from dreamkeras.training.run import resume, train

BACKEND = keras.backend.backend()

MODULE = """
import keras
from dreamkeras.layers.slots import Core, FirstLayers, register_block

@register_block("run-first")
class First(FirstLayers):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mix = keras.layers.Dense(4, dtype=self.dtype_policy)
    def build(self, shape):
        self.mix.build(shape)
        super().build(shape)
    def call(self, encoded):
        return self.mix(encoded)
    def compute_output_shape(self, shape):
        return (*shape[:-1], 4)

@register_block("run-core")
class Same(Core):
    def call(self, features):
        return features * 1
    def compute_output_shape(self, shape):
        return shape
"""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Removes the blocks that a test registers."""
    monkeypatch.setattr(slots, "BLOCKS", {slot: dict(blocks) for slot, blocks in BLOCKS.items()})
    monkeypatch.setattr("dreamkeras.models.combinations.BLOCKS", slots.BLOCKS)


@pytest.fixture
def blocks(tmp_path, monkeypatch):
    """An imported module with a first block and a core."""
    (tmp_path / "run_blocks.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    slots.find_block("first", "run_blocks:First")
    yield tmp_path
    sys.modules.pop("run_blocks", None)


def rewrite(folder, **fields):
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in config.items() if name != "format" or value}))


def test_an_older_run_is_resumed_with_its_network(blocks, quick, choose, tmp_path):
    folder = tmp_path / "run"
    figures = train(choose(model="run-first,run-core,bhi-mean"), folder)
    rewrite(folder, model="run_blocks:First,run_blocks:Same,bhi", format=None)
    again = resume(folder, BACKEND)
    assert (again["r"], again["parameters"]) == (figures["r"], figures["parameters"])


def test_a_new_run_with_the_same_name_has_another_network(blocks, quick, choose, tmp_path):
    folder = tmp_path / "run"
    train(choose(model="run-first,run-core,bhi-mean", epochs=1), folder)
    rewrite(folder, model="run_blocks:First,run_blocks:Same,bhi")
    with pytest.raises(ModelError, match=r"The shapes of the variables in .* differ from the shapes of this model"):
        resume(folder, BACKEND)


def test_registered_names_are_written_as_module_and_class(blocks, quick, choose, tmp_path):
    train(choose(model="run-first,run-core,bhi-mean", epochs=1), tmp_path / "run")
    assert RunConfig.read(tmp_path / "run" / "config.json").model == "run_blocks:First,run_blocks:Same,bhi-mean"
    code = "import sys; from dreamkeras.training.run import resume; from pathlib import Path; print(resume(Path('run'), sys.argv[1])['n'])"
    environment = {**os.environ, "KERAS_BACKEND": BACKEND}
    done = subprocess.run([sys.executable, "-c", code, BACKEND], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "15\n", done.stderr


def test_three_blocks_of_a_team_are_written_as_its_network():
    assert lasting_name("proformer,proformer,proformer") == "proformer"
    assert lasting_name("bhi,autosome,bhi") == "bhi,autosome,bhi"
    assert lasting_name("dream-cnn") == "dream-cnn"


def test_a_local_class_keeps_its_registered_name():
    @register_block("local-core")
    class Local(Core):
        pass

    assert lasting_name("bhi,local-core,autosome") == "bhi,local-core,autosome"


def test_blocks_that_cannot_be_imported_are_refused_before_training(quick, choose, tmp_path, monkeypatch):
    cell = {"__name__": "__main__"}
    exec(MODULE, cell)
    monkeypatch.setattr(run, "running_backend", lambda wanted=None: "torch")
    with pytest.raises(
        ModelError, match=r"With backend torch, .* cannot import block __main__:First\. Move the class of the block into a module"
    ):
        train(choose(model="run-first,run-core,bhi-mean"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert issubclass(cell["First"], FirstLayers)
