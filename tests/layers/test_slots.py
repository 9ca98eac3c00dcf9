"""The slots and the table of blocks."""

import subprocess
import sys

import keras
import pytest

from dreamkeras.errors import ModelError
from dreamkeras.layers import slots
from dreamkeras.layers.slots import BLOCKS, Core, FinalLayers, FirstLayers, find_block, import_modules, register_block


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(slots, "BLOCKS", {slot: dict(blocks) for slot, blocks in BLOCKS.items()})


@pytest.mark.parametrize(("slot", "base"), [("first", FirstLayers), ("core", Core), ("final", FinalLayers)])
def test_a_registered_block_is_found_in_its_slot_and_by_keras(slot, base):
    block = register_block("third-party")(type(f"ThirdParty{base.__name__}", (base,), {}))
    assert find_block(slot, "third-party") is block
    assert keras.saving.get_registered_object(f"dreamkeras>ThirdParty{base.__name__}") is block


def test_the_same_name_may_stand_in_another_slot():
    register_block("mine")(type("MyFirst", (FirstLayers,), {}))
    register_block("mine")(type("MyCore", (Core,), {}))
    assert (find_block("first", "mine").__name__, find_block("core", "mine").__name__) == ("MyFirst", "MyCore")


def test_a_taken_name_is_refused_and_names_its_owner():
    with pytest.raises(ModelError, match="Expected a new name for Usurper, got 'autosome', which is AutosomeCore"):
        register_block("autosome")(type("Usurper", (Core,), {}))
    assert find_block("core", "autosome").__name__ == "AutosomeCore"


@pytest.mark.parametrize("base", [object, keras.layers.Layer])
def test_what_fills_no_slot_is_refused(base):
    with pytest.raises(ModelError, match="Expected a subclass of FirstLayers, Core or FinalLayers, got Stray"):
        register_block("stray")(type("Stray", (base,), {}))


def test_a_module_of_the_working_folder_is_found_after_those_that_are_installed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slot_block.py").write_text("from dreamkeras.layers.slots import Core\nclass Mine(Core):\n    pass\n")
    (tmp_path / "click.py").write_text("raise SystemExit('no package')\n")
    code = "import sys; from dreamkeras.layers.slots import find_block; print(find_block(None, 'slot_block:Mine').slot); import click"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "core\n"), done.stderr


UNREGISTERED = "from dreamkeras.layers.slots import Core\nclass Plain(Core):\n    def call(self, features):\n        return features\n"


@pytest.fixture
def unregistered(tmp_path, monkeypatch):
    """A module of the working folder whose block was never made known to Keras."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain_block.py").write_text(UNREGISTERED)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "plain_block"
    sys.modules.pop("plain_block", None)


def test_a_class_that_nobody_registered_can_be_saved_once_it_is_named(unregistered):
    block = find_block("core", f"{unregistered}:Plain")
    assert keras.saving.get_registered_object("plain_block>Plain") is block
    assert find_block("core", f"{unregistered}:Plain") is block


def test_a_class_that_nobody_registered_is_found_when_its_module_is_imported_for_a_saved_model(unregistered):
    import_modules([unregistered])
    assert keras.saving.get_registered_object("plain_block>Plain") is sys.modules[unregistered].Plain


def test_a_class_keeps_the_name_that_its_author_registered_it_by():
    assert keras.saving.get_registered_name(find_block("core", "dreamkeras.layers.autosome:AutosomeCore")) == "dreamkeras>AutosomeCore"


@pytest.mark.parametrize("slot", BLOCKS)
def test_an_unknown_block_is_answered_with_those_known(slot):
    with pytest.raises(ModelError, match=f"Expected a {slot} block among .*, got 'nobody'"):
        find_block(slot, "nobody")


def test_a_final_block_has_to_bring_its_loss():
    block = type("Lossless", (FinalLayers,), {})()
    with pytest.raises(NotImplementedError, match="Expected Lossless to define loss"):
        block.loss(None, None)


def test_a_class_of_any_module_is_found_by_module_and_name():
    assert find_block("core", "dreamkeras.layers.autosome:AutosomeCore") is BLOCKS["core"]["autosome"]
    assert find_block(None, "dreamkeras.layers.autosome:AutosomeCore") is BLOCKS["core"]["autosome"]


@pytest.mark.parametrize(
    ("slot", "name", "reason"),
    [
        ("core", "no_such_module:Block", "no_such_module"),
        ("core", "dreamkeras.layers.autosome:Nothing", "Nothing"),
        ("core", ":Block", "module:Class"),
        ("first", "dreamkeras.layers.autosome:AutosomeCore", "of slot core"),
        (None, "collections:OrderedDict", "derive it from FirstLayers, Core or FinalLayers of dreamkeras.layers.slots"),
        ("core", "keras.layers:Dense", "derive it from FirstLayers, Core or FinalLayers"),
        (None, "autosome", "registered block among"),
    ],
)
def test_what_is_no_block_of_the_slot_is_refused(slot, name, reason):
    with pytest.raises(ModelError, match=reason):
        find_block(slot, name)
