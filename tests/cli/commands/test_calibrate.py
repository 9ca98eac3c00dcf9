import dataclasses
import json

import pytest
from filled_pipe import filled_pipe

from dreamkeras.confidence.model_card import interval_note
from dreamkeras.data.simulation.files import write_library
from dreamkeras.data.simulation.library import simulate
from dreamkeras.errors import InputError
from dreamkeras.scoring.predictor import PACKAGED_MODEL, load
from dreamkeras.training.run_folder.model_card import model_card

pytest.importorskip("onnx")


@pytest.fixture
def few(monkeypatch):
    """Reduces the number of background sequences, to save time."""
    monkeypatch.setattr("dreamkeras.confidence.background.SEQUENCES", 20)


@pytest.fixture
def promoters(tmp_path, few):
    """A hundred measured promoters."""
    write_library(simulate(100, seed=3), str(tmp_path / "p.tsv"))
    return tmp_path / "p.tsv"


@pytest.fixture
def run_folder(tmp_path):
    """A run folder that holds the packaged model."""
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(PACKAGED_MODEL.read_bytes())
    return folder


def test_the_file_is_written_and_r_is_printed(run, promoters, tmp_path):
    result = run("calibrate", promoters, "-m", PACKAGED_MODEL, "-o", tmp_path / "new.onnx")
    assert (result.exit_code, result.stderr) == (0, f"Read 100 rows of p.tsv.\nWrote '{tmp_path / 'new.onnx'}'.\n")
    assert result.stdout.startswith("expression: Pearson r ")
    assert result.stdout.endswith(" on 100 calibration sequences.\n")
    calibration = load(tmp_path / "new.onnx").calibration
    assert (calibration["intervals"]["expression"]["n"], calibration["familiarity"]["sequences"]) == (100, 5733)
    assert run("predict", promoters, "-m", tmp_path / "new.onnx", "--interval", "0.95").exit_code == 0


def test_valid_fraction_calibrates_on_the_held_out_fraction(run, promoters, run_folder):
    assert run("calibrate", promoters, "-m", run_folder, "--valid-fraction", "0.2").exit_code == 0
    calibration = load(run_folder).calibration
    assert (calibration["intervals"]["expression"]["n"], calibration["familiarity"]["sequences"]) == (20, 80)
    assert json.loads((run_folder / "calibration.json").read_text()) == calibration


@pytest.mark.parametrize(("stored", "options", "used"), [
    ({}, (), "auto"), ({"seed": 1}, (), "legacy"), ({"seed": 1, "holdout": "random"}, (), "random"),
    ({"holdout": "random"}, ("--holdout", "similar"), "similar"), ({}, ("--holdout", "legacy"), "legacy"),
])  # fmt: skip
def test_the_held_out_fraction_is_drawn_by_the_rule_of_the_run(run, promoters, monkeypatch, stored, options, used):
    def split(examples, fraction, seed, holdout):
        raise InputError(f"Split by {holdout}.")

    scorer = load(PACKAGED_MODEL)
    scorer.description = dataclasses.replace(scorer.description, training=stored)
    monkeypatch.setattr("dreamkeras.scoring.predictor.load", lambda *args: scorer)
    monkeypatch.setattr("dreamkeras.data.splits.hold_out.split", split)
    result = run("calibrate", promoters, "-m", PACKAGED_MODEL, "--valid-fraction", "0.2", "-o", promoters.with_suffix(".onnx"), *options)
    assert f"Split by {used}." in result.stderr


def test_the_model_card_of_a_run_folder_is_updated(run, promoters, run_folder):
    (card := run_folder / "README.md").write_text(model_card(load(run_folder).description, {}, [], {}))
    assert run("calibrate", promoters, "-m", run_folder).stderr == f"Read 100 rows of p.tsv.\nWrote '{run_folder}'.\n"
    assert interval_note(load(run_folder).description) in card.read_text()
    card.write_text("# Mine\n")
    assert run("calibrate", promoters, "-m", run_folder).stderr.endswith(
        f"{card} was not updated, because it does not contain the expected line about the old calibration.\n"
    )


def test_familiarity_is_measured_on_the_training_file(run, promoters, run_folder, tmp_path):
    write_library(simulate(30, seed=4), str(tmp_path / "t.tsv"))
    assert run("calibrate", promoters, "-m", run_folder, "--training", tmp_path / "t.tsv").exit_code == 0
    assert load(run_folder).calibration["familiarity"]["sequences"] == 30


@pytest.mark.parametrize("fields", [{"test_fold": "test"}, {"data": ["p.tsv", "q.tsv"]}])
def test_the_split_of_a_run_with_a_test_fold_or_several_files_is_not_guessed(run, promoters, run_folder, fields):
    (run_folder / "config.json").write_text(json.dumps({"assay": "yeast", "data": "p.tsv", **fields}))
    result = run("calibrate", promoters, "-m", run_folder, "--valid-fraction", "0.1")
    assert (result.exit_code, "--valid-fraction cannot repeat the split" in result.stderr) == (2, True)


def test_overlap_with_training_sequences_is_reported(run, promoters, run_folder):
    (run_folder / "config.json").write_text(json.dumps({"assay": "yeast", "data": str(promoters)}))
    result = run("calibrate", promoters, "-m", run_folder)
    assert result.stderr.startswith("Read 100 rows of p.tsv.\nWarning: 90 of the 100 sequences in p.tsv are copies of training sequences")
    assert "Intervals may be too narrow." in result.stderr


def test_conflicting_options_are_refused(run, promoters):
    result = run("calibrate", promoters, "-m", PACKAGED_MODEL, "--valid-fraction", "0.1", "--training", promoters)
    assert (result.exit_code, "--training cannot be combined with --valid-fraction." in result.stderr) == (2, True)
    result = run("calibrate", promoters, "-m", PACKAGED_MODEL, "--seed", 0)
    assert (result.exit_code, "--seed has no effect without --valid-fraction." in result.stderr) == (2, True)


@pytest.mark.parametrize("output", ["p.tsv", "t.tsv", "first/model.keras"])
def test_an_output_cannot_be_an_input(run, promoters, run_folder, tmp_path, output):
    for other in (tmp_path / "t.tsv", run_folder / "model.keras"):
        other.write_bytes(promoters.read_bytes())
    result = run("calibrate", promoters, "-m", run_folder, "--training", tmp_path / "t.tsv", "-o", tmp_path / output)
    assert (result.exit_code, "Output would overwrite the input" in result.stderr) == (1, True)
    assert (tmp_path / output).read_bytes() == promoters.read_bytes()


def test_the_packaged_model_was_calibrated_on_its_validation_sequences(run, data_folder, tmp_path):
    """The r of 0.618 and the calibration in the file are reproduced."""
    data = data_folder / "data" / "yeast_gpra" / "train.tsv"
    if not data.is_file():
        pytest.skip(f"no {data}")
    result = run("calibrate", data, "-m", PACKAGED_MODEL, "--valid-fraction", "0.1", "-o", tmp_path / "again.onnx")
    assert result.stdout == "expression: Pearson r 0.618 on 637 calibration sequences.\n"
    again, packaged = load(tmp_path / "again.onnx").calibration, load().calibration
    assert again["familiarity"] == packaged["familiarity"]
    for part in ("sizes", "ranks"):
        assert again["intervals"]["expression"][part] == pytest.approx(packaged["intervals"]["expression"][part], abs=1e-4)
    assert again["background"]["shuffled"]["expression"] == pytest.approx(packaged["background"]["shuffled"]["expression"], abs=1e-3)


def test_training_data_from_a_pipe_are_not_compared(run, promoters, run_folder):
    (run_folder / "config.json").write_text(json.dumps({"assay": "yeast", "data": "-"}))
    with filled_pipe(promoters.read_bytes()) as pipe:
        result = run("calibrate", "-", "-m", run_folder, "--training", pipe, stdin=promoters.read_text())
    assert (result.exit_code, result.stderr.splitlines()[:3]) == (
        0,
        [
            "Read 100 rows of standard input.",
            f"Read 100 rows of {pipe}.",
            "Warning: Standard input can be read only once, so overlap with the training data was not checked.",
        ],
    )
