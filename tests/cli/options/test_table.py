"""Tests of the options of `--assay table`, alone and in runs."""

import dataclasses
import json

import click
import pytest
from click.testing import CliRunner

from dreamkeras.cli.options.table import FIELDS, OPTIONS, chosen_layout, table_options
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError


def layout(*args, assay="table"):
    """Returns a function that gives the layout of options, or the error message."""
    made = []

    @click.command()
    @table_options
    def command(**choices):
        made.append(chosen_layout(assay, choices))
        assert not choices

    result = CliRunner().invoke(command, args, catch_exceptions=False)
    return made[0] if made else result.output


def test_every_field_of_the_layout_has_an_option():
    assert {FIELDS.get(name, name) for name in OPTIONS} == {field.name for field in dataclasses.fields(TableLayout)}


def test_kinds_and_transformations_are_options():
    options = ["--target-column", "a", "--target-column", "b", "--transform", "log2", "--offset", "0.5"]
    kinds = ["--task-kind", "value", "--task-kind", "counts"]
    assert layout(*options, *kinds) == TableLayout(("a", "b"), transform="log2", offset=0.5, kinds=("value", "counts"))
    assert "'log10' is not one of 'none', 'log2', 'log1p', 'asinh'" in layout("--target-column", "a", "--transform", "log10")
    assert "'rank' is not one of 'value', 'binary', 'counts'" in layout("--target-column", "a", "--task-kind", "rank")


def test_options_set_the_fields_of_the_layout():
    columns = ["--target-column", "a", "--target-column", "3", "--sequence-column", "seq", "--id-column", "0", "--weight-column", "w"]
    columns += ["--replicate-columns", "r1,r2", "--replicate-columns", "4,5", "--fold-column", "fold"]
    around = [
        "--left-adapter",
        "AC",
        "--right-adapter",
        "GT",
        "--left-flank",
        "A",
        "--right-flank",
        "C",
        "--length",
        "50",
        "--both-strands",
    ]
    assert layout(*columns, *around) == TableLayout(
        ("a", "3"), "seq", "0", "w", None, (("r1", "r2"), ("4", "5")), "fold", "AC", "GT", "A", "C", 50, both_strands=True
    )
    assert layout("--target-column", "a", "--align", "right") == TableLayout(("a",), align="right")
    weights = ["--target-column", "a", "--weight-column", "w"]
    assert layout(*weights, "--weight", "raw") == TableLayout(("a",), weight_column="w", weight="raw")
    assert layout(*weights, "--weight-half", "20") == TableLayout(("a",), weight_column="w", weight_half=20.0)
    assert layout("--target-column", "a", "--variance-column", "v", "--reverse-mark", "_-") == TableLayout(
        ("a",), variance_column="v", reverse_mark="_-"
    )


def test_a_table_requires_a_target_column():
    with pytest.raises(InputError, match="one or more distinct columns as target_column, got none"):
        layout()


@pytest.mark.parametrize("args", [["--weight", "raw"], ["--weight-half", "3"]])
def test_the_use_of_weights_requires_weights(args):
    assert f"{args[0]} has no effect without --weight-column." in layout("--target-column", "a", *args)


@pytest.mark.parametrize("args", [["--weight-column", "w"], ["--target-column", "0"], ["--both-strands"], ["--length", "5"]])
def test_other_assays_refuse_the_options(args):
    assert layout(assay="yeast") is None
    assert f"{args[0]} requires --assay table, got --assay yeast." in layout(*args, assay="yeast")


def test_options_and_file_set_the_configuration(run, tmp_path, monkeypatch):
    config = pytest.importorskip("dreamkeras.training.config")
    keras, chosen, metrics = pytest.importorskip("keras"), [], {"r": 0.5, "mse": 1.0, "n": 1, "best_epoch": 1}
    monkeypatch.setattr("dreamkeras.training.run.train", lambda *args: chosen.append(args[0]) or metrics)
    (tmp_path / "data.csv").write_text("seq,a\nACGT,1\n")
    (tmp_path / "run.toml").write_text(
        f'data = "{tmp_path}/data.csv"\nassay = "table"\ntarget_column = "a"\nleft_flank = "TT"\nseed = 3\nmodel = "dream-rnn-small"'
    )
    result = run("train", "--config", tmp_path / "run.toml", "--seed", 4, "--backend", keras.backend.backend())
    assert result.exit_code == 0, result.stderr
    assert chosen[0].table == TableLayout(("a",), left_flank="TT")
    assert (chosen[0].seed, chosen[0].assay, chosen[0].networks) == (4, "table", ("dream-rnn-small",))
    chosen[0].write(tmp_path / "config.json")
    assert config.RunConfig.read(tmp_path / "config.json") == chosen[0]
    assert json.loads((tmp_path / "config.json").read_text())["table"]["left_flank"] == "TT"


def test_an_invalid_file_is_one_line(run, tmp_path):
    (tmp_path / "run.toml").write_text("epoch = 3")
    result = run("train", "--config", tmp_path / "run.toml")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: dreamkeras train has no option 'epoch', which is a key in '{tmp_path}/run.toml'. Did you mean epochs?\n",
    )
