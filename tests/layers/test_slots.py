"""The slots and the table of blocks."""

import importlib
import subprocess
import sys

import keras
import pytest

from dreamkeras.errors import ModelError
from dreamkeras.layers import slots
from dreamkeras.layers.slots import BLOCKS, Core, FinalLayers, FirstLayers, find_block, register_block


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Removes the blocks that a test registers."""
    monkeypatch.setattr(slots, "BLOCKS", {slot: dict(blocks) for slot, blocks in BLOCKS.items()})


@pytest.mark.parametrize(("slot", "base"), [("first", FirstLayers), ("core", Core), ("final", FinalLayers)])
def test_a_registered_block_is_found_in_its_slot_and_by_keras(slot, base):
    block = register_block("third-party")(type(f"ThirdParty{base.__name__}", (base,), {}))
    assert find_block(slot, "third-party") is block
    assert keras.saving.get_registered_object(f"{__name__}>ThirdParty{base.__name__}") is block
    assert keras.saving.get_registered_object(f"dreamkeras>ThirdParty{base.__name__}") is None


def test_blocks_of_different_slots_can_have_the_same_name():
    register_block("mine")(type("MyFirst", (FirstLayers,), {}))
    register_block("mine")(type("MyCore", (Core,), {}))
    assert (find_block("first", "mine").__name__, find_block("core", "mine").__name__) == ("MyFirst", "MyCore")


def test_the_error_for_a_used_name_has_its_owner():
    with pytest.raises(ModelError, match=f"Cannot register {__name__}:Usurper as the core block 'autosome': AutosomeCore has this name"):
        register_block("autosome")(type("Usurper", (Core,), {}))
    assert find_block("core", "autosome").__name__ == "AutosomeCore"


@pytest.mark.parametrize("base", [object, keras.layers.Layer])
def test_a_class_without_a_slot_is_rejected(base):
    with pytest.raises(ModelError, match="Expected a subclass of FirstLayers, Core or FinalLayers, got Stray"):
        register_block("stray")(type("Stray", (base,), {}))


def test_installed_packages_come_before_modules_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slot_block.py").write_text("from dreamkeras.layers.slots import Core\nclass Mine(Core):\n    pass\n")
    (tmp_path / "click.py").write_text("raise SystemExit('no package')\n")
    code = "import sys; from dreamkeras.layers.slots import find_block; print(find_block(None, 'slot_block:Mine').slot); import click"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "core\n"), done.stderr


UNREGISTERED = "from dreamkeras.layers.slots import Core\nclass Plain(Core):\n    def call(self, features):\n        return features\n"


@pytest.fixture
def unregistered(tmp_path, monkeypatch):
    """Returns a module of the working folder whose block is not registered with Keras."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain_block.py").write_text(UNREGISTERED)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "plain_block"
    sys.modules.pop("plain_block", None)


def test_finding_an_unregistered_class_registers_it_with_keras(unregistered):
    block = find_block("core", f"{unregistered}:Plain")
    assert keras.saving.get_registered_object("plain_block>Plain") is block
    assert find_block("core", f"{unregistered}:Plain") is block


def test_a_class_of_dreamkeras_keeps_its_registered_name():
    assert (
        keras.saving.get_registered_name(find_block("core", "dreamkeras.layers.blocks.autosome:AutosomeCore")) == "dreamkeras>AutosomeCore"
    )


@pytest.mark.parametrize("slot", BLOCKS)
def test_an_unknown_block_is_rejected_with_the_known_names(slot):
    with pytest.raises(ModelError, match=f"Expected a {slot} block among .*, got 'nobody'"):
        find_block(slot, "nobody")


def test_a_final_block_without_a_loss_raises():
    block = type("Lossless", (FinalLayers,), {})()
    with pytest.raises(NotImplementedError, match="Lossless does not define loss"):
        block.loss(None, None)


def test_a_class_of_any_module_is_found_by_module_and_name():
    assert find_block("core", "dreamkeras.layers.blocks.autosome:AutosomeCore") is BLOCKS["core"]["autosome"]
    assert find_block(None, "dreamkeras.layers.blocks.autosome:AutosomeCore") is BLOCKS["core"]["autosome"]


@pytest.mark.parametrize(
    ("slot", "name", "reason"),
    [
        ("core", "no_such_module:Block", "no_such_module"),
        ("core", "dreamkeras.layers.blocks.autosome:Nothing", "Nothing"),
        ("core", ":Block", "module:Class"),
        ("core", "module:", "module:Class"),
        ("first", "dreamkeras.layers.blocks.autosome:AutosomeCore", "which is a core block"),
        (None, "collections:OrderedDict", "a block is a subclass of FirstLayers, Core or FinalLayers in dreamkeras.layers.slots"),
        ("core", "keras.layers:Dense", "a block is a subclass of FirstLayers, Core or FinalLayers"),
        (None, "autosome", "registered block among"),
    ],
)
def test_a_name_that_is_not_a_block_of_the_slot_is_rejected(slot, name, reason):
    with pytest.raises(ModelError, match=reason):
        find_block(slot, name)


LAB = "from dreamkeras.layers.slots import Core, register_block\n@register_block({name!r})\nclass MyCore(Core):\n    {body}\n"


@pytest.fixture
def write_lab(tmp_path, monkeypatch):
    """Returns `write_lab(module, name)`, which writes a module of another package with the core block MyCore."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python would load a file that changes within a second from the cache
    written = []

    def write(module, name, body="pass"):
        (tmp_path / f"{module}.py").write_text(LAB.format(name=name, body=body))
        importlib.invalidate_caches()
        written.append(module)

    yield write
    for module in written:
        sys.modules.pop(module, None)


def test_two_packages_can_have_classes_of_the_same_name(write_lab):
    write_lab("lab_one", "one")
    write_lab("lab_two", "two")
    one, two = (find_block("core", f"{module}:MyCore") for module in ("lab_one", "lab_two"))
    assert (find_block("core", "one"), find_block("core", "two")) == (one, two)
    assert [keras.saving.get_registered_name(block) for block in (one, two)] == ["lab_one>MyCore", "lab_two>MyCore"]
    assert keras.saving.get_registered_object("lab_one>MyCore") is one


def test_reloading_a_module_replaces_its_block(write_lab):
    write_lab("lab_again", "again")
    old = find_block("core", "lab_again:MyCore")
    write_lab("lab_again", "again", "version = 2")
    importlib.reload(sys.modules["lab_again"])
    new = find_block("core", "again")
    assert new is not old
    assert new.version == 2
    assert find_block("core", "lab_again:MyCore") is new is keras.saving.get_registered_object("lab_again>MyCore")


def test_a_name_used_by_another_package_is_rejected(write_lab):
    write_lab("lab_first", "gru")
    write_lab("lab_second", "gru")
    first = find_block("core", "lab_first:MyCore")
    with pytest.raises(ModelError, match="Cannot register lab_second:MyCore as the core block 'gru': lab_first:MyCore has this name"):
        find_block("core", "lab_second:MyCore")
    assert find_block("core", "gru") is first
    assert keras.saving.get_registered_object("lab_second>MyCore") is None


def test_running_a_notebook_cell_twice_replaces_its_block():
    cell = LAB.format(name="cell", body="pass")
    notebook = {"__name__": "__main__"}
    exec(cell, notebook)
    exec(cell, notebook)
    assert find_block("core", "cell") is notebook["MyCore"] is keras.saving.get_registered_object("__main__>MyCore")


def test_a_class_with_the_name_of_a_dreamkeras_block_does_not_replace_it():
    ours = find_block("core", "bhi")
    theirs = register_block("theirs")(type("BHICore", (Core,), {}))
    assert keras.saving.get_registered_object("dreamkeras>BHICore") is ours
    assert keras.saving.get_registered_name(theirs) == f"{__name__}>BHICore"


def test_classes_of_one_function_cannot_have_different_block_names():
    def make(name):
        @register_block(name)
        class Made(Core):
            pass

        return Made

    make("made")
    again = make("made")
    assert find_block("core", "made") is again
    with pytest.raises(ModelError, match=r"'made' and 'other' are different classes with the name .*Made\. Define each class outside of a"):
        make("other")


def test_a_nested_class_is_found_by_its_qualified_name(tmp_path, write_lab):
    (tmp_path / "nested_block.py").write_text(
        "from dreamkeras.layers.slots import Core\nclass Outer:\n    class Inner(Core):\n        pass\n"
    )
    block = find_block("core", "nested_block:Outer.Inner")
    assert keras.saving.get_registered_object("nested_block>Outer.Inner") is block


@pytest.mark.parametrize("trouble", ["import nothing_of_the_kind", "1 / 0", "raise SystemExit(0)", "class :"])
def test_the_error_for_a_failed_import_has_the_reason(tmp_path, write_lab, trouble):
    (tmp_path / "broken_block.py").write_text(trouble)
    with pytest.raises(
        ModelError, match=r"Expected a block as module:Class, got 'broken_block:Mine': Module broken_block cannot be imported \("
    ):
        find_block("core", "broken_block:Mine")
