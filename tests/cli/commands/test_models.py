"""Tests of the command `dreamkeras models`."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def table():
    """Output of the command, as rows of columns."""
    pytest.importorskip("keras")
    command = [sys.executable, "-c", "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')", "models"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_every_model_has_a_row_with_its_size_on_each_assay(table):
    from dreamkeras.data.assays.registry import ASSAYS
    from dreamkeras.models.presets import PRESETS

    header, *rows = table
    assert header == ["model", "slot", *ASSAYS, "atac", "description"]
    networks = {model: numbers for model, slot, *numbers, _ in rows if slot == "-"}
    assert list(networks) == list(PRESETS)
    assert all(number.isdecimal() for numbers in networks.values() for number in numbers[:-1])
    # These two do not keep the positions of the window, which a profile requires.
    assert {model for model, numbers in networks.items() if numbers[-1] == "-"} == {"unlockdna", "proformer"}
    assert all(description.endswith(".") for *_, description in rows)


def test_every_block_has_a_row(table):
    from dreamkeras.layers.slots import BLOCKS

    shown = {(slot, model) for model, slot, *_ in table[1:] if slot != "-"}
    registered = {(slot, name): block for slot, blocks in BLOCKS.items() for name, block in blocks.items()}
    # Other tests and a docstring register additional blocks.
    ours = {key for key, block in registered.items() if block.__module__.startswith("dreamkeras.") and block.__name__ != "Identity"}
    assert ours <= shown <= registered.keys()


def test_dream_models_have_the_published_sizes(table):
    came = {(row[0], assay): int(number) for row in table[1:13] for assay, number in zip(table[0][2:5], row[2:5], strict=True)}
    assert came["dream-cnn", "yeast"] == 1_933_970
    assert came["dream-rnn", "lentimpra"] == 4_203_393
    assert came["dream-attn", "starrseq"] == 4_690_434


def test_arguments_are_refused(run):
    assert run("models", "dream-cnn").exit_code == 2


def test_importing_the_command_imports_no_keras():
    code = "import sys, dreamkeras.cli.commands.models; print({'keras', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
