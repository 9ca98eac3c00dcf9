"""Tests of ensembles: each seed is a run of its own, and the files of the folder describe the mean of the seeds."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from ensemble_processes import counting_preset, in_this_process

import dreamkeras
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.training.changes import changed
from dreamkeras.training.config import RunConfig
from dreamkeras.training.ensemble import train as ensemble_train
from dreamkeras.training.ensemble.train import train_ensemble
from dreamkeras.training.members.finished import is_finished
from dreamkeras.training.run import resume, train

BACKEND = keras.backend.backend()
SEEDS = (3, 4, 5)


@pytest.fixture(scope="module", autouse=True)
def counting():
    """Runs train the tiny network in this process, and export a model that counts letters."""
    with counting_preset() as patch:
        patch.setattr(ensemble_train, "run_processes", in_this_process)
        yield patch


def train_all(config, folder, **options):
    lines = []
    return train_ensemble(config, folder, lines.append, BACKEND, parallel=1, **options), lines


@pytest.fixture(scope="module")
def trained(choose, tmp_path_factory):
    """The metrics, the printed lines and the folder of an ensemble of three seeds."""
    folder = tmp_path_factory.mktemp("ensemble") / "run"
    return *train_all(choose(ensemble=3), folder), folder


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def columns_of(path, *names):
    rows = rows_of(path)
    return [np.array([float(row[name]) for row in rows]) for name in names]


def test_a_member_is_the_run_of_its_seed(trained, choose, tmp_path):
    train(choose(seed=4, split_seed=3), tmp_path / "4")
    for name in ("validation.tsv", "history.csv", "config.json"):
        assert (tmp_path / "4" / name).read_text() == (trained[-1] / "seed-4" / name).read_text()


def test_all_members_have_the_same_split_and_different_weights(trained):
    tables = [rows_of(trained[-1] / f"seed-{seed}" / "validation.tsv") for seed in SEEDS]
    assert len({tuple(row["id"] for row in table) for table in tables}) == 1
    assert len({tuple(row["predicted_expression"] for row in table) for table in tables}) == 3


def test_predictions_are_the_mean_and_the_standard_deviation_of_the_members(trained):
    folder = trained[-1]
    sequences = ["ACGT" * 20, "GGGCC" * 16]
    members = np.array([dreamkeras.load(folder / f"seed-{seed}").predict(sequences) for seed in SEEDS])
    assert len({tuple(member.ravel()) for member in members}) == 3
    spread = dreamkeras.load(folder).predict_spread(sequences)
    np.testing.assert_allclose(spread.mean, members.mean(0), rtol=1e-6)
    np.testing.assert_allclose(spread.sd, members.std(0, ddof=1), rtol=1e-6)
    predicted, sd = columns_of(folder / "validation.tsv", "predicted_expression", "sd_expression")
    np.testing.assert_allclose(sd, predicted / 5, rtol=1e-4)  # the members predict 4, 5 and 6 times a count


def test_metrics_are_those_of_the_validation_table(trained):
    metrics, _, folder = trained
    measured, predicted = columns_of(folder / "validation.tsv", "measured_expression", "predicted_expression")
    assert metrics["r"] == pytest.approx(np.corrcoef(measured, predicted)[0, 1], abs=1e-5)
    assert metrics["mse"] == pytest.approx(np.mean((measured - predicted) ** 2), rel=1e-4)
    written = json.loads((folder / "metrics.json").read_text())
    assert written == metrics
    members = {str(seed): json.loads((folder / f"seed-{seed}" / "metrics.json").read_text()) for seed in SEEDS}
    assert {seed: row["r"] for seed, row in metrics["seeds"].items()} == {seed: member["r"] for seed, member in members.items()}
    assert metrics["mean_of_seeds"]["mse"] == pytest.approx(np.mean([member["mse"] for member in members.values()]))
    assert metrics["steps"] == sum(member["steps"] for member in members.values())
    assert (metrics["n"], metrics["examples"]) == (15, 135)


def test_intervals_are_calibrated_on_the_mean_prediction(trained):
    folder = trained[-1]
    measured, predicted = columns_of(folder / "validation.tsv", "measured_expression", "predicted_expression")
    calibration = json.loads((folder / "calibration.json").read_text())
    sizes = calibration["intervals"]["expression"]["sizes"]
    np.testing.assert_allclose(sizes, np.sort(np.abs(measured - predicted)), rtol=1e-4)
    assert set(calibration) == {"intervals", "background", "familiarity"}
    assert dreamkeras.load(folder).calibration == calibration


def test_the_model_card_compares_the_ensemble_with_its_seeds(trained):
    metrics, _, folder = trained
    card = (folder / "README.md").read_text()
    assert f"| mean prediction of 3 networks | {metrics['r']:.3f} |" in card
    assert f"| mean of the metrics of 3 networks | {metrics['mean_of_seeds']['r']:.3f} |" in card
    assert f"| seed 5 | {metrics['seeds']['5']['r']:.3f} |" in card
    assert (is_finished(folder), (folder / "plots" / "history.png").is_file()) == (True, True)


def test_lines_on_epochs_begin_with_the_seed_and_other_lines_are_printed_once(trained):
    lines = trained[1]
    assert lines[0] == "Finished runs: 0 of 3. Runs at a time: 1."
    assert [line.split("  ")[0].split(" of ")[0][:-1] for line in lines if line.startswith("seed-")] == [
        f"seed-{seed}: {text}" for seed in SEEDS for text in ("epoch 1/", "epoch 2/", "Kept epoch ")
    ]
    assert sum(line.startswith("Read 150 rows") for line in lines) == sum(line.startswith("Training on") for line in lines) == 1


def test_the_configuration_is_that_of_a_run_with_all_defaults(trained):
    config = RunConfig.read(trained[-1] / "config.json")
    assert (config.ensemble, config.seed, config.split_seed, config.valid_fraction, config.strategy) == (3, 3, 3, 0.1, "autosome")
    member = RunConfig.read(trained[-1] / "seed-3" / "config.json")
    assert (member.ensemble, member.fingerprint) == (None, config.fingerprint)


def without_time(metrics):
    return {name: without_time(value) if isinstance(value, dict) else value for name, value in metrics.items() if name != "seconds"}


def test_only_missing_runs_are_trained_when_an_ensemble_is_resumed(trained, tmp_path):
    first, _, folder = trained
    again = shutil.copytree(folder, tmp_path / "run")
    kept = (again / "seed-3" / "metrics.json").stat().st_mtime_ns
    (again / "seed-4" / "README.md").unlink()  # interrupted while writing its results
    shutil.rmtree(again / "seed-5")  # not yet started
    for name in ("model.onnx", "README.md", "metrics.json"):
        (again / name).unlink()
    metrics, lines = train_all(RunConfig.read(again / "config.json"), again, resume=True)
    assert lines[0] == "Finished runs: 1 of 3. Runs at a time: 1."
    assert (again / "seed-3" / "metrics.json").stat().st_mtime_ns == kept
    assert without_time(metrics) == without_time(first)
    assert (again / "validation.tsv").read_text() == (folder / "validation.tsv").read_text()
    assert (again / "config.json").read_text() == (folder / "config.json").read_text()


@pytest.mark.parametrize("length", [{"epochs": 1}, {"steps": 1}, {"epochs": 1, "minutes": 3.0}])
def test_a_refused_length_changes_nothing(trained, tmp_path, length):
    again = shutil.copytree(trained[-1], tmp_path / "run")
    before = {path: path.read_bytes() for path in again.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"Expected (epochs|steps) of at least \d+, for which the run has already been trained, got 1"):
        train_all(changed(RunConfig.read(again / "config.json"), length), again, resume=True)
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before


def test_a_finished_ensemble_is_extended(trained, library, tmp_path):
    again = shutil.copytree(trained[-1], tmp_path / "run")
    moved = shutil.copy(library, tmp_path / "moved.tsv")
    changes = {"epochs": 3, "data": str(moved)}
    train_all(changed(RunConfig.read(again / "config.json"), changes), again, resume=True)
    for seed in SEEDS:
        assert len((again / f"seed-{seed}" / "history.csv").read_text().splitlines()) == 4
    config = RunConfig.read(again / "config.json")
    assert (config.epochs, config.data, config.extended_after) == (3, str(moved), (2,))


def test_a_finished_ensemble_and_its_runs_store_the_new_paths(trained, library, tmp_path):
    again = shutil.copytree(trained[-1], tmp_path / "run")
    moved = str(shutil.copy(library, tmp_path / "moved.tsv"))
    train_all(changed(RunConfig.read(again / "config.json"), {"data": moved}), again, resume=True)
    folders = [again, *(again / f"seed-{seed}" for seed in SEEDS)]
    assert {RunConfig.read(folder / "config.json").data for folder in folders} == {moved}


def test_another_test_set_is_refused(choose, library, tmp_path):
    rows = library.read_text().splitlines(keepends=True)
    for name, part in (("one.tsv", rows[:9]), ("two.tsv", rows[9:20])):
        (tmp_path / name).write_text("".join(part))
    train_all(choose(ensemble=2, epochs=1, test=str(tmp_path / "one.tsv")), tmp_path / "run")
    stored = RunConfig.read(tmp_path / "run" / "config.json")
    with pytest.raises(InputError, match=r"the test data in .*two\.tsv differ"):
        train_all(changed(stored, {"test": str(tmp_path / "two.tsv")}), tmp_path / "run", resume=True)


def test_other_data_are_refused(trained, library, tmp_path):
    again = shutil.copytree(trained[-1], tmp_path / "run")
    (tmp_path / "other.tsv").write_text("".join(library.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(InputError, match=r"other\.tsv differ from the data with which the run was started"):
        train_all(changed(RunConfig.read(again / "config.json"), {"data": str(tmp_path / "other.tsv")}), again, resume=True)


@pytest.mark.parametrize(("choices", "message"), [
    ({"data": "-"}, "got standard input, which can be read only once: every run of the ensemble reads this file"),
    ({"data": "/nowhere.tsv"}, "nowhere.tsv"),
    ({"model": "nonesuch"}, r"^Expected a model among "),
    ({"init_from": "/nowhere"}, r"^Expected a run folder or a \.keras file, got '/nowhere'"),
])  # fmt: skip
def test_nothing_remains_if_no_run_can_start(choose, tmp_path, choices, message):
    with pytest.raises(DreamkerasError, match=message):
        train_all(choose(ensemble=2, **choices), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_failed_run_is_named_and_the_others_are_kept(choose, tmp_path, counting):
    def fail(folder, **options):
        if folder.name == "seed-4":
            raise InputError("The disk is full.")
        return original(folder, **options)

    with pytest.MonkeyPatch.context() as patch:
        from dreamkeras.training.run_folder import contents

        original = contents.export_onnx
        patch.setattr(contents, "export_onnx", fail)
        with pytest.raises(DreamkerasError, match=r"^1 run of 2 failed; seed-4: .*The disk is full.* train --resume --out "):
            train_all(choose(ensemble=2, epochs=1), tmp_path / "run")
    assert is_finished(tmp_path / "run" / "seed-3")
    metrics, lines = train_all(RunConfig.read(tmp_path / "run" / "config.json"), tmp_path / "run", resume=True)
    assert lines == ["Finished runs: 1 of 2. Runs at a time: 1."]
    assert list(metrics["seeds"]) == ["3", "4"]


def test_an_ensemble_whose_resumed_runs_cannot_start_can_be_resumed_later(choose, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    def failing(runs, *_):
        return {run.name: "exit status 1; Error: No memory." for run in runs}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble_train, "run_processes", failing)
        with pytest.raises(DreamkerasError, match=r"^No memory\.$"):
            train_all(choose(ensemble=2), tmp_path / "run")
        assert not (tmp_path / "run").exists()
        patch.setattr(ensemble_train, "run_processes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_all(choose(ensemble=2, epochs=1), tmp_path / "run")
        patch.setattr(ensemble_train, "run_processes", failing)
        with pytest.raises(DreamkerasError, match=r"^2 runs of 2 failed; seed-3: No memory\."):
            train_all(RunConfig.read(tmp_path / "run" / "config.json"), tmp_path / "run", resume=True)
    train_all(RunConfig.read(tmp_path / "run" / "config.json"), tmp_path / "run", resume=True)
    assert is_finished(tmp_path / "run")


def test_another_time_limit_is_kept_if_its_resume_is_interrupted(trained, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    again = shutil.copytree(trained[-1], tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble_train, "run_processes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_all(changed(RunConfig.read(again / "config.json"), {"minutes": 90.0}), again, resume=True)
    _, lines = train_all(RunConfig.read(again / "config.json"), again, resume=True)
    assert lines[0] == "Finished runs: 0 of 3. Runs at a time: 1."
    assert [RunConfig.read(again / f"seed-{seed}" / "config.json").minutes for seed in SEEDS] == [30.0, 30.0, 30.0]


def test_a_single_run_refuses_an_ensemble(trained, choose, tmp_path):
    with pytest.raises(InputError, match="A single run has no ensemble"):
        train(choose(ensemble=2), tmp_path / "run")
    with pytest.raises(InputError, match="A single run has no ensemble"):
        resume(trained[-1])
    with pytest.raises(InputError, match="Expected a configuration with an ensemble"):
        train_all(choose(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
