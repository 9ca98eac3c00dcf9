"""Tests of test folds and test files: they are neither trained nor validated on, and the trained model is evaluated on them."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from tiny_network import tiny_preset, write_library

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.evaluation.training_data import compare_with_training, read_training_data
from dreamkeras.training import cross_validation
from dreamkeras.training.changes import changed
from dreamkeras.training.config import RunConfig
from dreamkeras.training.cross_validation import cross_validate
from dreamkeras.training.run import resume, train
from dreamkeras.training.run_data import read_data, read_examples, with_window
from dreamkeras.training.run_folder.test_set import _without_errors

BACKEND = keras.backend.backend()
SPLITS = ["train", "val", "train", "test", "other/1"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A table of 100 sequences with two values and the name of a split. The last sequence of the test repeats a training sequence."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "table.csv"
    lines, first = ["id,seq,a,b,split"], ""
    for row in range(100):
        sequence = "".join(generator.choice(list("ACGT"), 40))
        first = first or sequence
        sequence = first if row == 98 else sequence
        lines.append(f"s{row},{sequence},{sequence.count('G')},{'' if row % 4 else sequence.count('A')},{SPLITS[row % 5]}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def choices(measured, choose):
    """`choices(**more)`: the configuration of two epochs on the published split of the table."""
    layout = TableLayout(("a", "b"), fold_column="split")
    usual = {"data": str(measured), "assay": "table", "table": layout, "batch_size": 20, "valid_fold": "val", "test_fold": "test"}
    return lambda **more: choose(**{**usual, **more})


@pytest.fixture(scope="module")
def tested(choices, tmp_path_factory):
    """The folder and the metrics of a run with a published split."""
    folder = tmp_path_factory.mktemp("runs") / "tested"
    with tiny_preset(exported=True):
        return folder, train(choices(), folder)


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def figures(rows, task):
    """Returns r and the mean squared error of a task, and its number of rows with a value."""
    pairs = np.array([[float(row[f"{kind}_{task}"]) for kind in ("measured", "predicted")] for row in rows])
    pairs = pairs[~np.isnan(pairs[:, 0])]
    return np.corrcoef(pairs.T)[0, 1], np.mean((pairs[:, 0] - pairs[:, 1]) ** 2), len(pairs)


def numbers_of(examples):
    return sorted(int(name[1:]) for name in examples.ids)


def test_each_sequence_is_in_the_part_that_the_table_names(choices):
    data = read_data(with_window(choices()))
    parts = [numbers_of(part) for part in (data.training, data.validation, data.test)]
    rows = range(100)
    assert parts == [[row for row in rows if row % 5 not in (1, 3)], list(rows[1::5]), list(rows[3::5])]
    assert data.read[-1] == "Testing on 20 sequences of fold test, after the training."


@pytest.mark.parametrize("more", [{"valid_fold": None}, {"valid_fold": None, "folds": 3}, {"valid_fold": 1, "folds": 3}])
def test_random_hold_outs_and_folds_leave_the_test_fold_out(choices, more):
    config = with_window(choices(**more))
    examples, test, _ = read_examples(config)
    assert (numbers_of(test), set(numbers_of(examples)) & set(numbers_of(test))) == (list(range(3, 100, 5)), set())
    if more.get("folds"):
        assert set(examples.folds.tolist()) == {0, 1, 2}
    if not config.is_cross_validation:
        data = read_data(config)
        assert numbers_of(data.test) == list(range(3, 100, 5))
        assert sorted(numbers_of(data.training) + numbers_of(data.validation)) == [row for row in range(100) if row % 5 != 3]


def test_a_chromosome_of_the_ids_can_be_the_test_fold(tmp_path, choose):
    lines = [f"chr{row % 3}:{row},{'ACGT' * 5}{'ACGT'[row % 4]},{row}" for row in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["id,seq,a", *lines]) + "\n")
    config = choose(data=str(tmp_path / "t.csv"), assay="table", table=TableLayout(("a",)), valid_fold="chr1", test_fold="chr2")
    data = read_data(with_window(config))
    assert [{name[:4] for name in part.ids} for part in (data.training, data.validation, data.test)] == [{"chr0"}, {"chr1"}, {"chr2"}]


def test_the_metrics_of_the_test_equal_those_of_its_table(tested):
    folder, metrics = tested
    rows = rows_of(folder / "test.tsv")
    assert [row["id"] for row in rows] == [f"s{row}" for row in range(3, 100, 5)]
    of_task = {task: figures(rows, task) for task in "ab"}
    test = metrics["test"]
    assert test["r"] == pytest.approx(np.mean([found[0] for found in of_task.values()]), rel=1e-3)
    assert test["mse"] == pytest.approx(np.mean([found[1] for found in of_task.values()]), rel=1e-3)
    assert (test["n"], test["tasks"]["b"]["n"]) == (20, of_task["b"][2])
    assert json.loads((folder / "metrics.json").read_text())["test"] == test


def test_predictions_for_the_test_are_those_of_the_exported_model(tested, measured):
    from dreamkeras.scoring.predictor import load

    with measured.open() as file:
        sequences = [row["seq"] for row in csv.DictReader(file) if row["split"] == "test"]
    expected = load(tested[0]).predict(sequences)
    found = [[float(row["predicted_a"]), float(row["predicted_b"])] for row in rows_of(tested[0] / "test.tsv")]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_card_has_the_test(tested):
    folder, metrics = tested
    text = (folder / "README.md").read_text()
    section = text[text.index("## Test") : text.index("## Limits")]
    assert f"| all tasks | {metrics['test']['r']:.3f} |" in section
    assert "- Test sequences: fold test of the data. They were used neither for training nor for selecting the epoch." in section
    assert "Validation sequences: fold val of the data." in text
    config = json.loads((folder / "config.json").read_text())
    assert (config["test_fold"], config["valid_fold"], config["valid_fraction"]) == ("test", "val", None)


COPY = "1 of the 20 sequences of fold test is a copy of a training sequence: metrics on it will be too high."


def test_copies_of_training_sequences_in_the_test_are_reported(tested, choices):
    assert read_data(with_window(choices())).test_notes == (COPY,)
    assert f"- {COPY}\n" in (tested[0] / "README.md").read_text()


def test_evaluate_compares_with_the_training_data_without_the_test_fold(tested, choices):
    known = read_training_data(str(tested[0]))
    found = compare_with_training(known, read_data(with_window(choices())).test)
    assert (found.doubt, found.overlaps.training, sum(found.overlaps.validation)) == ("", (1, 0, 0), 0)


def test_a_test_file_gives_the_figures_of_the_same_fold(tested, choices, measured, tmp_path, quick):
    with measured.open() as file:
        rows = list(csv.DictReader(file))
    for name, wanted in (("rest", lambda split: split != "test"), ("test", lambda split: split == "test")):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]][: 5 if name == "rest" else 4], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row for row in rows if wanted(row["split"]))
    files = {"data": str(tmp_path / "rest.csv"), "test": str(tmp_path / "test.csv"), "test_fold": None}
    found = train(choices(**files), tmp_path / "run")
    assert found["test"] == tested[1]["test"]
    text = (tmp_path / "run" / "README.md").read_text()
    assert "- Test sequences: the file `test.csv`." in text
    assert str(tmp_path) not in text


def test_a_resumed_run_has_the_same_test_and_accepts_a_moved_test_file(choose, library, tmp_path, quick):
    test = write_library(tmp_path / "test.tsv", 30, seed=8)
    first = train(choose(test=str(test)), tmp_path / "run")
    table = (tmp_path / "run" / "test.tsv").read_text()
    moved = shutil.move(test, tmp_path / "moved.tsv")
    with pytest.raises(InputError, match=r"test\.tsv"):
        resume(tmp_path / "run", BACKEND)
    again = resume(tmp_path / "run", BACKEND, test=str(moved))
    assert (again["test"], (tmp_path / "run" / "test.tsv").read_text()) == (first["test"], table)
    write_library(moved, 30, seed=7)
    with pytest.raises(InputError, match=r"the test data in .*moved\.tsv differ from the test data with which the run was started"):
        resume(tmp_path / "run", BACKEND)


def test_values_in_other_units_have_no_squared_error(choose, tmp_path, quick):
    test = write_library(tmp_path / "test.tsv", 30, seed=8)
    lines = [line.split("\t") for line in test.read_text().splitlines()]
    test.write_text("".join(f"{sequence}\t{100 + 10 * float(value)}\n" for sequence, value in lines))
    metrics = train(choose(test=str(test), epochs=1), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]["mse"] is None
    assert "not in the model's units" in (tmp_path / "run" / "README.md").read_text()
    assert metrics["mse"] > 0


@pytest.mark.parametrize(("more", "message"), [
    ({"test": "t.csv"}, "test sequences, got test and test_fold"),
    ({"valid_fold": "test"}, "different folds for valid_fold and test_fold, got 'test' for both"),
])  # fmt: skip
def test_contradictory_test_sets_are_refused(choices, more, message):
    with pytest.raises(InputError, match=message):
        choices(**more)


def test_a_drawn_fold_may_have_the_number_of_the_test_fold(measured, choose):
    layout = TableLayout(("a",), fold_column="split")
    config = choose(data=str(measured), assay="table", table=layout, folds=4, valid_fold=3, test_fold=3)
    assert (config.valid_fold, config.test_fold) == (3, 3)
    with pytest.raises(InputError, match="different folds for valid_fold and test_fold, got 3 for both"):
        choose(data=str(measured), assay="table", table=layout, valid_fold=3, test_fold=3)


def test_an_unknown_test_fold_is_reported_with_the_folds(choices):
    with pytest.raises(InputError, match="Expected fold tset and at least one other fold, got folds: other/1, test, train, val"):
        read_data(with_window(choices(test_fold="tset")))


def test_a_stored_configuration_keeps_the_test(choices, tmp_path):
    choices().write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json") == choices()


@pytest.fixture(scope="module")
def validated(choices, tmp_path_factory):
    """The folder and the metrics of a cross-validation on the other parts of the table."""
    folder = tmp_path_factory.mktemp("cv") / "cv"
    with tiny_preset() as patch:
        patch.setattr(cross_validation, "export_ensemble", lambda folders, output, **options: output.touch())
        return folder, cross_validate(choices(folds="given", valid_fold=None), folder, lambda line: None, BACKEND)


def test_a_cross_validation_on_texts_leaves_the_test_fold_out(validated):
    folder, metrics = validated
    assert list(metrics["folds"]) == ["other/1", "train", "val"]
    assert {path.name for path in folder.glob("fold-*")} == {"fold-other_1", "fold-train", "fold-val"}
    rows = rows_of(folder / "out_of_fold.tsv")
    assert [row["id"] for row in rows] == [f"s{row}" for row in range(100) if row % 5 != 3]
    assert {row["fold"] for row in rows[:4]} == {"train", "val", "other/1"}


def test_the_ensemble_is_tested(validated):
    folder, metrics = validated
    rows, runs = rows_of(folder / "test.tsv"), [rows_of(path / "test.tsv") for path in sorted(folder.glob("fold-*"))]
    assert [row["id"] for row in rows] == [f"s{row}" for row in range(3, 100, 5)]
    for task in "ab":
        mean = np.mean([[float(row[f"predicted_{task}"]) for row in found] for found in runs], axis=0)
        np.testing.assert_allclose([float(row[f"predicted_{task}"]) for row in rows], mean, rtol=1e-4)
    assert metrics["test"]["tasks"]["a"]["r"] == pytest.approx(figures(rows, "a")[0], rel=1e-3)
    assert json.loads((folder / "metrics.json").read_text())["test"] == metrics["test"]


def test_a_resumed_cross_validation_refuses_another_test_set(validated, measured, tmp_path):
    folder = shutil.copytree(validated[0], tmp_path / "cv")
    lines = measured.read_text().splitlines()
    lines[4] = lines[4].replace(",test", "0,test")  # a value of the first test sequence
    (tmp_path / "other.csv").write_text("\n".join(lines) + "\n")
    config = changed(RunConfig.read(folder / "config.json"), {"data": str(tmp_path / "other.csv")})
    with pytest.raises(InputError, match=r"the test data in .*other\.csv differ"):
        cross_validate(config, folder, lambda line: None, BACKEND, resume=True)


def test_values_in_other_units_have_no_squared_error_in_any_task():
    found = _without_errors({"r": 0.5, "mse": 1.0, "tasks": {"a": {"r": 0.5, "mse": 2.0}}})
    assert (found["r"], found["tasks"]["a"]["r"]) == (0.5, 0.5)
    assert np.isnan([found["mse"], found["tasks"]["a"]["mse"]]).all()


def test_folds_with_the_same_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="got 'a/b' and 'A_b', which would have the same folder"):
        cross_validation.fold_folders(tmp_path, ["a/b", "c", "A_b"])
