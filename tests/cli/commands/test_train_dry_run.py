"""Tests of `dreamkeras train --dry-run`."""

import csv
import re

import numpy as np
import pytest
from tiny_network import tiny_preset, write_library

from dreamkeras.errors import InputError

pytest.importorskip("keras")
for package in ("matplotlib", "onnx", "onnxruntime", "tf2onnx"):
    pytest.importorskip(package)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return write_library(tmp_path_factory.mktemp("data") / "library.tsv", 100)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Registers the tiny network, and replaces the measured speed by one that does not depend on the machine."""
    from dreamkeras.training import run
    from dreamkeras.training.strategy.length import Speed

    with tiny_preset() as patch:
        patch.setattr(run, "measure_speed", lambda *args: Speed(startup=1.0, step=2.0, validation=5.0))
        yield patch


def lines(result):
    """Returns the statements of a report by their subject, and the values by task and part."""
    rows = [re.fullmatch(r"(\S.{11}) (.*)", line).groups() for line in result.stdout.splitlines()]
    values = dict(text.split(": ") for subject, text in rows if subject.strip() == "Values")
    return {subject.strip(): text for subject, text in rows}, values


def described(values):
    return f"{len(values)} values, mean {np.mean(values):.4g}, standard deviation {np.std(values):.4g}"


def test_reports_the_run_that_would_be(run, library, tmp_path):
    args = ("train", library, "--model", "tiny", "--epochs", 3, "--batch-size", 64, "--out", tmp_path / "new" / "run")
    result = run(*args, "--dry-run")
    assert result.exit_code == 0
    assert list(tmp_path.iterdir()) == []
    report, values = lines(result)
    assert report["Input"] == "Read 100 rows of library.tsv"
    assert report["Hold-out"] == "Held out 10 of 100 sequences (10.0 %). No two sequences are similar"
    assert report["Steps"] == "9 steps of 64 examples in 3 epochs, strategy autosome, peak learning rate 0.005"
    assert report["Time"] == "about 34 s of training, at 2 s per step and 5 s per validation"
    assert report["Output"].startswith(f"{tmp_path / 'new' / 'run'}: model.keras, model.onnx, ")
    assert report["Would run"] == "nothing was written"

    assert run(*args).exit_code == 0
    with open(tmp_path / "new" / "run" / "validation.tsv") as file:
        held_out = [int(row["id"]) - 1 for row in csv.DictReader(file, delimiter="\t")]
    measured = np.loadtxt(library, usecols=1)
    assert values["expression, validation"] == described(measured[held_out])
    assert values["expression, training"] == described(np.delete(measured, held_out))


def test_names_the_columns_of_a_table(run, library, tmp_path):
    rows = [line.split("\t") for line in library.read_text().splitlines()]
    table = tmp_path / "t.csv"
    table.write_text("Name,oligo,activity,n\n" + "".join(f"p{i},{row[0]},{row[1]},{i % 3}\n" for i, row in enumerate(rows)))
    choices = ("--assay", "table", "--target-column", "activity", "--sequence-column", 1, "--weight-column", "N", "--minutes", 0.5)
    result = run("train", table, *choices, "--model", "tiny", "--epochs", 9, "--batch-size", 32, "--out", tmp_path / "run", "--dry-run")
    report, _ = lines(result)
    assert report["Columns"] == 'sequences "oligo", values "activity", ids "Name", weights "n" of t.csv'
    assert report["Input"] == "Read 100 rows of t.csv; skipped 34 with weight 0"
    assert report["Time limit"] == "5 steps are expected to fit into 0.5 min"  # 1 + 5 x 2 + 3 x 5 <= 0.9 x 30


def test_a_cross_validation_is_reported_for_all_folds(run, library, tmp_path):
    choices = ("--folds", 4, "--model", "tiny", "--epochs", 1, "--batch-size", 50)
    report, _ = lines(run("train", library, *choices, "--out", tmp_path / "cv", "--dry-run"))
    assert report["Folds"] == "4. The lines below describe the run that validates on fold 0"
    assert report["Hold-out"].startswith("Held out 25 of 100 sequences (25.0 %).")
    assert report["Time"].startswith("about 48 s of training in 4 runs, ")  # 4 x (1 + 3 x 2 + 5)


def test_separate_validation_data_are_counted(run, library, tmp_path):
    valid = write_library(tmp_path / "valid.tsv", 20, seed=5)
    result = run("train", library, "--valid", valid, "--model", "tiny", "--epochs", 1, "--out", tmp_path / "run", "--dry-run")
    assert lines(result)[0]["Hold-out"] == "100 sequences for training, 20 for validation"


def test_an_ensemble_is_reported_with_all_of_its_networks(run, library, tmp_path):
    choices = ("--model", "tiny", "--model", "dream-cnn-small", "--ensemble", 3, "--epochs", 2, "--batch-size", 90, "--minutes", 1)
    result = run("train", library, *choices, "--parallel", 1, "--out", tmp_path / "run", "--dry-run")
    report, _ = lines(result)
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("Network")] == ["tiny", "dream-cnn-small"]
    # Each of the three runs has a third of a minute: 1 + 2 x 2 + 1 x 5 <= 0.9 x 20 < 1 + 4 x 2 + 2 x 5
    assert report["Time limit"] == "3 steps of dream-cnn-small are expected to fit into 0.333333 min"
    assert report["Time"].startswith("about 51 s of training in 3 runs, at 2 s per step and 5 s per validation of tiny, 2 s per step")
    assert report["Output"].startswith(f"{tmp_path / 'run'}: seed-0 and so on with model.keras, ")


@pytest.mark.parametrize("args", [("--batch-size", 1000), ("--slide", 150)])
def test_it_fails_with_the_line_of_the_run(run, library, tmp_path, args):
    args = ("train", library, "--model", "tiny", *args, "--out", tmp_path / "run")
    dry = run(*args, "--dry-run")
    assert dry.exit_code == 1
    assert f"Error: {lines(dry)[0]['Would fail']}" == run(*args).stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_other_initial_weights_is_reported(run, library, tmp_path):
    args = ("train", library, "--model", "tiny", "--init-from", tmp_path / "missing", "--out", tmp_path / "run")
    dry = run(*args, "--dry-run")
    assert (dry.exit_code, f"Error: {lines(dry)[0]['Would fail']}") == (1, run(*args).stderr.splitlines()[-1])


def test_folds_with_the_same_folder_are_reported(run, library, tmp_path):
    rows = [line.split("\t") for line in library.read_text().splitlines()]
    table = tmp_path / "t.csv"
    table.write_text("seq,a,fold\n" + "".join(f"{row[0]},{row[1]},{('x/y', 'X_y')[i % 2]}\n" for i, row in enumerate(rows)))
    choices = ("--assay", "table", "--target-column", "a", "--fold-column", "fold", "--folds", "given", "--model", "tiny")
    dry = run("train", table, *choices, "--out", tmp_path / "run", "--dry-run")
    assert (dry.exit_code, "which would have the same folder" in dry.stdout) == (1, True)


def test_smaller_runs_of_a_learning_curve_are_reported(run, tmp_path):
    library = write_library(tmp_path / "library.tsv", 1000)
    choices = ("--learning-curve", "--model", "tiny", "--epochs", 2, "--batch-size", 90)
    report, _ = lines(run("train", library, *choices, "--out", tmp_path / "run", "--dry-run"))
    assert report["Smaller runs"] == "225 and 450 of 900 training sequences, for the learning curve"
    # 1 + 2 x 20 x 2 + 2 x 5, 1 + 2 x 5 x 2 + 2 x 5 and 1 + 2 x 10 x 2 + 2 x 5
    assert report["Time"].startswith("about 2 min 53 s of training in 3 runs, ")
    assert report["Output"].endswith(", checkpoint, learning-curve")
    report, _ = lines(run("train", library, *choices, "--batch-size", 300, "--out", tmp_path / "run", "--dry-run"))
    assert report["Warning"] == "No learning curve: it requires at least 1,200 training sequences, got 900"


def test_a_folder_that_cannot_be_created_is_reported(run, library, tmp_path):
    (tmp_path / "file").touch()
    args = ("train", library, "--model", "tiny", "--out", tmp_path / "file" / "run")
    dry = run(*args, "--dry-run")
    assert dry.exit_code == 1
    assert f"Error: {lines(dry)[0]['Would fail']}\n" == run(*args).stderr
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "a").touch()
    taken = run("train", library, "--out", tmp_path / "taken", "--dry-run")
    assert (taken.exit_code, taken.stdout) == (1, "")
    assert taken.stderr.startswith("Error: Expected a new or empty folder")


def test_a_resumed_run_has_no_dry_run(run, tmp_path):
    result = run("train", "--resume", "--out", tmp_path, "--dry-run")
    assert result.exit_code == 2
    assert "--dry-run cannot be combined with --resume." in result.stderr


def test_an_error_of_the_network_is_reported_after_the_data(run, quick, library, tmp_path):
    def fail(*args):
        raise InputError("Too large.")

    quick.setattr("dreamkeras.training.rehearsal.prepare", fail)
    result = run("train", library, "--model", "tiny", "--out", tmp_path / "run", "--dry-run")
    report, _ = lines(result)
    assert (result.exit_code, report["Would fail"]) == (1, "Too large.")
    assert "Hold-out" in report
