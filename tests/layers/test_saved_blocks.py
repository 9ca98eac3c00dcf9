"""Finding the class of a saved block when several classes have the same name."""

import importlib
import json
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras_arrays import random_letters

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import ModelError
from dreamkeras.export.tracing import load_network
from dreamkeras.layers import slots
from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal
from dreamkeras.layers.blocks.bhi import BHICore, BHIFirst
from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.layers.blocks.unlockdna import UnlockDNAFirst
from dreamkeras.layers.saved_blocks import block_name, import_module, is_importable
from dreamkeras.layers.slots import BLOCKS, Core, find_block, register_block
from dreamkeras.models.presets import build_model
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.construct import Construct

TOY = Construct("toy", 20, flags=("is_reverse",))

LAB = """
import keras
from dreamkeras.layers.slots import Core, register_block

@keras.saving.register_keras_serializable()
class Scale(keras.layers.Layer):
    def call(self, x):
        return x * {factor}

@register_block({module!r})
class MyCore(Core):
    def __init__(self, scale=None, **kwargs):
        super().__init__(**kwargs)
        self.scale = keras.saving.deserialize_keras_object(scale) if isinstance(scale, dict) else scale or Scale()
    def call(self, x):
        return self.scale(x)
    def compute_output_shape(self, shape):
        return shape
    def get_config(self):
        return {{**super().get_config(), "scale": keras.saving.serialize_keras_object(self.scale)}}

class BHICore(MyCore):
    pass
"""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Removes the blocks that a test registers. Keras's own table is not restored: names in it include the module."""
    monkeypatch.setattr(slots, "BLOCKS", {slot: dict(blocks) for slot, blocks in BLOCKS.items()})


@pytest.fixture
def labs(tmp_path, monkeypatch):
    """Returns `labs(module, factor)`, which writes a module with a core MyCore that multiplies features by a factor in a sublayer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    written = []

    def write(module, factor):
        (tmp_path / f"{module}.py").write_text(LAB.format(module=module, factor=factor))
        written.append(module)
        return find_block("core", f"{module}:MyCore")

    yield write
    for module in written:
        sys.modules.pop(module, None)


def network(core):
    keras.utils.set_random_seed(1)
    return PrixFixe(TOY, BHIFirst(8), core, AutosomeFinal(5), ("expression",), ("bins",))


def predictions(model):
    return np.asarray(model.predictor().predict_on_batch(random_letters(4, 20)))


def rewrite_config(path, change):
    """Applies `change` to the text of the config.json in a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = change(parts["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def saved_before(path):
    """Converts a file to the older form in which every block is registered as `dreamkeras>Name`."""

    def change(text):
        config = json.loads(text)
        for slot in ("first", "core", "final"):
            block = config["config"][slot]
            block["registered_name"] = f"dreamkeras>{block['class_name']}"
        config["config"]["modules"] = [config["config"]["core"]["module"]]
        return json.dumps(config)

    rewrite_config(path, change)


@pytest.mark.parametrize("when", ["now", "before"])
@pytest.mark.parametrize("last", ["lab_seven", "lab_eight"])
def test_a_file_is_loaded_with_the_class_that_was_saved(labs, tmp_path, when, last):
    files = {}
    for module, factor in (("lab_seven", 7), ("lab_eight", 8)):
        model = network(labs(module, factor)())
        files[module] = predictions(model)
        model.save(tmp_path / f"{module}.keras")
        if when == "before":
            saved_before(tmp_path / f"{module}.keras")
    labs(last, {"lab_seven": 7, "lab_eight": 8}[last])
    for module, wanted in files.items():
        again = load_network(tmp_path / f"{module}.keras")
        assert type(again.core).__module__ == module
        np.testing.assert_allclose(predictions(again), wanted, atol=1e-6)
    assert abs(files["lab_seven"] - files["lab_eight"]).max() > 1e-4


@pytest.mark.parametrize("when", ["now", "before"])
def test_a_class_of_another_module_is_not_used(labs, tmp_path, when):
    network(labs("lab_gone", 7)()).save(tmp_path / "model.keras")
    if when == "before":
        saved_before(tmp_path / "model.keras")
    (tmp_path / "lab_gone.py").unlink()
    del sys.modules["lab_gone"]
    for key in [key for key in keras.saving.get_custom_objects() if key == "lab_gone>MyCore"]:
        del keras.saving.get_custom_objects()[key]
    labs("lab_other", 8)  # a different class with the same name
    reason = r"Cannot load .*keras: Cannot find lab_gone:MyCore, the core block .*\(No module named 'lab_gone'\)\. Install lab_gone, or"
    with pytest.raises(ModelError, match=reason):
        load_network(tmp_path / "model.keras")


def test_the_error_for_an_import_of_a_moved_module_refers_to_the_changelog(labs, tmp_path):
    network(labs("lab_old", 7)()).save(tmp_path / "model.keras")
    file = tmp_path / "lab_old.py"
    file.write_text("from dreamkeras.layers.convolution import Conv1D\n" + file.read_text())
    del sys.modules["lab_old"]
    del keras.saving.get_custom_objects()["lab_old>MyCore"]
    reason = r"\(No module named 'dreamkeras\.layers\.convolution'\)\. Change the import in lab_old; CHANGELOG"
    with pytest.raises(ModelError, match=reason):
        load_network(tmp_path / "model.keras")


def test_the_module_in_the_file_is_imported(labs, tmp_path):
    model = network(labs("lab_left", 3)())
    model.save(tmp_path / "model.keras")
    del sys.modules["lab_left"]
    np.testing.assert_allclose(predictions(load_network(tmp_path / "model.keras")), predictions(model), atol=1e-6)
    assert "lab_left" in sys.modules


@pytest.mark.parametrize("when", ["now", "before"])
def test_a_class_with_the_name_of_a_dreamkeras_block_is_kept_separate(labs, tmp_path, when):
    labs("lab_shadow", 7)
    theirs, ours = network(find_block("core", "lab_shadow:BHICore")()), network(BHICore(4, units=2))
    register_block("shadow")(type(theirs.core))
    keras.saving.register_keras_serializable("dreamkeras")(type(theirs.core))  # as in older versions
    for name, model in (("theirs", theirs), ("ours", ours)):
        model.save(tmp_path / f"{name}.keras")
        if when == "before":
            saved_before(tmp_path / f"{name}.keras")
        again = load_network(tmp_path / f"{name}.keras")
        assert type(again.core) is type(model.core)
        np.testing.assert_allclose(predictions(again), predictions(model), atol=1e-6)
    assert keras.saving.get_registered_object("dreamkeras>BHICore") is BHICore


def test_a_sublayer_is_that_of_the_blocks_module(labs, tmp_path):
    model = network(labs("lab_inner", 7)())
    model.save(tmp_path / "model.keras")
    labs("lab_outer", 8)
    registered = keras.saving.get_registered_object("Custom>Scale")
    assert registered.__module__ == "lab_outer"
    again = load_network(tmp_path / "model.keras")
    assert type(again.core.scale).__module__ == "lab_inner"
    np.testing.assert_allclose(predictions(again), predictions(model), atol=1e-6)
    assert keras.saving.get_registered_object("Custom>Scale") is registered


def test_a_block_of_a_notebook_is_loaded_there_and_an_error_elsewhere(tmp_path):
    notebook = {"__name__": "__main__"}
    exec(LAB.format(module="cell", factor=5), notebook)
    model = network(notebook["MyCore"]())
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(predictions(load_network(tmp_path / "model.keras")), predictions(model), atol=1e-6)
    del keras.saving.get_custom_objects()["__main__>MyCore"]
    with pytest.raises(
        ModelError, match=r"find __main__:MyCore, .*Run the cell or script that defines the class first, or move the class into a module"
    ):
        load_network(tmp_path / "model.keras")


def test_a_moved_class_can_be_given_in_custom_objects(labs, tmp_path):
    network(labs("lab_old", 7)()).save(tmp_path / "model.keras")
    moved = labs("lab_new", 7)
    (tmp_path / "lab_old.py").unlink()
    del sys.modules["lab_old"], keras.saving.get_custom_objects()["lab_old>MyCore"]
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects={"lab_old>MyCore": moved})
    assert type(again.core) is moved


def test_unregistered_blocks_are_saved_with_their_module(tmp_path):
    class Local(Core):
        def call(self, features):
            return features

    network(Local()).save(tmp_path / "model.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "model.keras").read("config.json"))["config"]
    assert config["core"]["registered_name"] == f"{__name__}>{Local.__qualname__}"
    assert config["first"]["registered_name"] == "dreamkeras>BHIFirst"
    assert type(load_network(tmp_path / "model.keras").core) is Local
    assert not is_importable(Local)


@pytest.mark.parametrize("team", ["autosome", "bhi", "unlockdna", "proformer", "legnet", "bpnet", "heads", "profile"])
def test_module_names_of_version_0_1_0_are_translated(team):
    assert import_module(f"dreamkeras.layers.{team}") is importlib.import_module(f"dreamkeras.layers.blocks.{team}")


def test_other_module_names_of_dreamkeras_are_unchanged():
    assert import_module("dreamkeras.layers.slots") is slots
    assert import_module("dreamkeras.layers.blocks.bhi").BHICore is BHICore
    with pytest.raises(ModelError, match=r"No module named 'dreamkeras\.layers\.efficientnet'"):
        import_module("dreamkeras.layers.efficientnet")


def test_a_model_of_version_0_1_0_is_loaded(tmp_path):
    model = PrixFixe(TOY, UnlockDNAFirst(8), AutosomeCore((8,)), AutosomeRegressionFinal(1), ("expression",), ("bins",))
    model.save(tmp_path / "model.keras")
    rewrite_config(tmp_path / "model.keras", lambda text: text.replace("dreamkeras.layers.blocks.", "dreamkeras.layers."))
    config = json.loads(zipfile.ZipFile(tmp_path / "model.keras").read("config.json"))["config"]
    modules = [config[slot]["module"] for slot in ("first", "core", "final")]
    assert modules == ["dreamkeras.layers.unlockdna", "dreamkeras.layers.autosome", "dreamkeras.layers.heads"]
    again = load_network(tmp_path / "model.keras")
    assert [type(block) for block in (again.first, again.core, again.final)] == [UnlockDNAFirst, AutosomeCore, AutosomeRegressionFinal]
    np.testing.assert_allclose(predictions(again), predictions(model), atol=1e-6)


def test_a_block_name_of_version_0_1_0_finds_the_current_block():
    assert find_block("first", "dreamkeras.layers.unlockdna:UnlockDNAFirst") is UnlockDNAFirst
    network = build_model(
        "dreamkeras.layers.unlockdna:UnlockDNAFirst,bhi,dreamkeras.layers.heads:AutosomeRegressionFinal", find_assay("yeast")
    )
    assert type(network.first) is UnlockDNAFirst
    assert type(network.final) is AutosomeRegressionFinal


def test_block_names_of_other_packages_include_the_module(labs):
    assert block_name(AutosomeCore) == "AutosomeCore"
    assert block_name(labs("lab_named", 7)) == "lab_named:MyCore"
    assert is_importable(AutosomeCore)
    assert not is_importable(type("Mine", (Core,), {"__module__": "__main__"}))
