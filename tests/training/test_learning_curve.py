"""Learning curves: nested subsets, figures compared with NumPy, and the runs on a part of the training sequences."""

import csv
import dataclasses
import json
import math
import shutil

import keras
import numpy as np
import pytest
from tiny_network import tiny_preset, write_library

from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.training import learning_curve, run, smaller_runs
from dreamkeras.training.config import RunConfig
from dreamkeras.training.learning_curve import Stage, curve_figures, curve_table, describe_curve, nested_subsets, too_small
from dreamkeras.training.run import resume, train

BACKEND = keras.backend.backend()


def examples(rows, copies=1, tasks=1):
    """Random sequences, each of which occurs several times."""
    random = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, (rows // copies, 30))].repeat(copies, axis=0)
    nothing = np.zeros((rows, 0), np.float32)
    return Examples(list(map(str, range(rows))), letters, np.ones((rows, tasks), np.float32), nothing, np.full(rows, 30))


def test_subsets_are_nested_and_depend_on_the_seed():
    quarter, half = nested_subsets(examples(400), seed=1)
    assert (len(quarter), len(half)) == (100, 200)
    assert set(quarter) < set(half)
    assert (np.diff(half) > 0).all()
    again, other = nested_subsets(examples(400), seed=1)[0], nested_subsets(examples(400), seed=2)[0]
    assert quarter.tolist() == again.tolist() != other.tolist()


def test_copies_of_a_sequence_are_drawn_together():
    quarter, half = nested_subsets(examples(400, copies=4), seed=0)
    assert [len(np.unique(rows // 4)) for rows in (quarter, half)] == [25, 50]


@pytest.mark.parametrize(
    ("rows", "batch_size", "reason"), [(400, None, ""), (399, None, "at least 400 training sequences, got 399"), (400, 128, "at least 512")]
)
def test_small_tables_have_no_curve(rows, batch_size, reason):
    assert reason in too_small(examples(rows), batch_size, 0)
    assert bool(reason) == bool(too_small(examples(rows), batch_size, 0))


def test_a_task_with_few_values_has_no_curve():
    few = examples(400, tasks=2)
    few.targets[1:, 1] = np.nan
    assert "quarter of the training sequences has" in too_small(few, None, 0)


def stages(noises, rows=500, tasks=2):
    """Measured values, and predictions with errors of the given standard deviations."""
    random = np.random.default_rng(0)
    measured = random.normal(size=(rows, tasks))
    predicted = [measured + random.normal(0, noise, measured.shape) for noise in noises]
    return measured, [Stage(100 * 2**place, values, values[::-1]) for place, values in enumerate(predicted)]


def test_figures_equal_those_of_numpy():
    measured, found = stages((3, 2, 1))
    curve = curve_figures(found, measured, ("a", "b"))
    r = [[np.corrcoef(measured[:, task], stage.network[:, task])[0, 1] for task in range(2)] for stage in found]
    assert [stage["r_b"] for stage in curve["stages"]] == pytest.approx([row[1] for row in r])
    assert [stage["r"] for stage in curve["stages"]] == pytest.approx([np.mean(row) for row in r])
    assert [stage["rows"] for stage in curve["stages"]] == [100, 200, 400]
    assert curve["stages"][0]["baseline_r"] == pytest.approx(
        np.mean([np.corrcoef(measured[:, task], found[0].baseline[:, task])[0, 1] for task in range(2)])
    )
    assert curve["gain"]["value"] == pytest.approx(np.mean(r[2]) - np.mean(r[1]))
    assert curve["gain"]["low"] < curve["gain"]["value"] < curve["gain"]["high"]
    table = list(csv.reader(curve_table(curve).splitlines(), delimiter="\t"))
    assert table[0] == ["rows", "r", "rho", "mse", "baseline_r", "r_a", "r_b", "baseline_r_a", "baseline_r_b"]
    assert [float(row[1]) for row in table[1:]] == pytest.approx([np.mean(row) for row in r], rel=1e-5)


@pytest.mark.parametrize(
    ("r", "expected"),
    [
        ((0.4, 0.6, 0.7), 0.05),  # the gain halved, so it halves again
        ((0.4, 0.5, 0.7), 0.2),  # the gain does not increase
        ((0.6, 0.5, 0.6), 0.1),
        ((0.4, 0.6, 0.6), 0),
        ((0.4, 0.6, 0.5), 0),
        ((0.2, 0.6, 0.95), 0.05),  # r is at most 1
        ((math.nan, 0.6, 0.7), 0.1),
        ((0.4, math.nan, 0.7), math.nan),
    ],
)
def test_the_expected_gain(r, expected):
    assert learning_curve._expected(*r) == pytest.approx(expected, nan_ok=True)


def test_a_gain_beyond_noise_is_described():
    measured, found = stages((3, 2, 1), tasks=1)
    curve = curve_figures(found, measured, ("a",))
    half, whole = (stage["r"] for stage in curve["stages"][1:])
    text = describe_curve({"learning_curve": curve})
    assert text.startswith(
        f"From a half to all of the 400 training sequences, r rose by {whole - half:.3f}, from {half:.3f} to {whole:.3f} (95 % interval +"
    )
    assert text.endswith(f" is expected to raise r by about {curve['expected']:.3f}.")


@pytest.mark.parametrize(("noise", "change"), [(0.92, "r rose by 0.00"), (1.02, "r fell by 0.0")])
def test_a_change_within_noise_is_described(noise, change):
    measured, found = stages((2, 1, noise), tasks=1)
    text = describe_curve({"learning_curve": curve_figures(found, measured, ("a",))})
    assert change in text
    assert text.endswith("so the curve does not show that more sequences of the same kind would raise r.")


def test_a_fall_beyond_noise_is_described():
    measured, found = stages((2, 1, 1.5), tasks=1)
    text = describe_curve({"learning_curve": curve_figures(found, measured, ("a",))})
    assert "r fell by 0.1" in text
    assert text.endswith("suggests that the training on all sequences was too short. Train for more epochs.")


def test_a_curve_of_a_network_behind_its_baseline_shows_nothing():
    measured, found = stages((2, 1, 1.02), tasks=1)
    curve = curve_figures(found, measured, ("a",))
    assert math.isnan(curve["expected"])
    text = describe_curve({"learning_curve": curve, "baseline": {"behind": ["a"]}})
    assert text.endswith("The network is behind its baseline, so the curve shows nothing about the number of sequences.")


def test_an_undefined_r_is_described():
    measured, found = stages((2, 1, 1), tasks=1)
    found[1] = found[1]._replace(network=np.zeros_like(measured))
    assert "r is undefined for a half" in describe_curve({"learning_curve": curve_figures(found, measured, ("a",))})


def test_a_cross_validation_has_no_curve():
    with pytest.raises(InputError, match="A learning curve requires a single run"):
        RunConfig(folds=3, learning_curve=True)
    assert RunConfig(folds=3, valid_fold=1, learning_curve=True).learning_curve


@pytest.fixture(scope="module")
def choices(tmp_path_factory):
    """Configuration of a run with a learning curve, without a number of epochs."""
    path = write_library(tmp_path_factory.mktemp("data") / "library.tsv", 240)
    return RunConfig(data=str(path), model="tiny", backend=BACKEND, seed=3, steps=8, batch_size=16, learning_curve=True)


@pytest.fixture(scope="module")
def whole(choices, tmp_path_factory):
    """The folder and the metrics of a run with a learning curve."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with tiny_preset() as patch:
        patch.setattr(learning_curve, "FEWEST", 40)
        return folder, train(choices, folder)


def test_smaller_runs_have_folders_without_models(whole):
    folder, metrics = whole
    quarter, half, rows = (stage["rows"] for stage in metrics["learning_curve"]["stages"])
    assert (quarter, half, rows) == (round(rows / 4), round(rows / 2), metrics["examples"])
    assert metrics["learning_curve"]["stages"][-1]["r"] == metrics["r"]
    assert metrics["learning_curve"]["stages"][-1]["baseline_r"] == metrics["baseline"]["r"]
    smaller = folder / "learning-curve"
    assert sorted(path.name for path in smaller.iterdir()) == sorted(["config.json", f"rows-{quarter}", f"rows-{half}"])
    for size in (quarter, half):
        assert sorted(path.name for path in (smaller / f"rows-{size}").iterdir()) == ["checkpoint", "config.json", "history.csv"]
    assert json.loads((folder / "metrics.json").read_text())["learning_curve"]["stages"][0]["rows"] == quarter
    assert describe_curve(metrics) in (folder / "README.md").read_text()
    assert len((folder / "learning_curve.tsv").read_text().splitlines()) == 4


def test_a_smaller_run_equals_a_run_on_its_rows(whole, choices, quick, tmp_path):
    metrics = whole[1]
    data = run.read_data(choices)
    rows = nested_subsets(data.training, 3)[1]
    found = run._fit_smaller(
        dataclasses.replace(choices, learning_curve=False), data._replace(training=data.training.select(rows)), tmp_path
    )
    r = np.corrcoef(found[:, 0], data.validation.targets[:, 0])[0, 1]
    assert metrics["learning_curve"]["stages"][1]["r"] == pytest.approx(r, abs=1e-6)


def test_a_resumed_curve_equals_an_uninterrupted_one(whole, choices, quick, monkeypatch, tmp_path):
    monkeypatch.setattr(learning_curve, "FEWEST", 40)
    save, calls = run.Checkpoint.on_epoch_end, []

    def interrupt(self, epoch, logs=None):
        save(self, epoch, logs)
        calls.append(self.path)
        if "rows-" in str(self.path):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run.Checkpoint, "on_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(choices, tmp_path / "killed")
    assert not (tmp_path / "killed" / "metrics.json").exists()
    metrics = resume(tmp_path / "killed", BACKEND)
    assert metrics["learning_curve"] == whole[1]["learning_curve"]
    assert (tmp_path / "killed" / "learning_curve.tsv").read_text() == (whole[0] / "learning_curve.tsv").read_text()


def test_smaller_runs_are_kept_if_the_data_have_moved(whole, choices, quick, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "run")
    checkpoints = list(folder.glob("learning-curve/rows-*/checkpoint/state.npz"))
    before = [path.stat().st_mtime_ns for path in checkpoints]
    metrics = resume(folder, BACKEND, data=str(shutil.copy(choices.data, tmp_path / "moved.tsv")))
    assert metrics["learning_curve"] == whole[1]["learning_curve"]
    assert len(before) == 2
    assert [path.stat().st_mtime_ns for path in checkpoints] == before


def test_another_length_applies_to_the_smaller_runs(whole, quick, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "longer")
    resume(folder, BACKEND, steps=12)
    stored = RunConfig.read(next(folder.glob("learning-curve/rows-*/config.json")))
    assert stored.steps == 12


def test_a_small_table_is_trained_without_a_curve(choices, quick, capsys, tmp_path):
    metrics = train(choices, tmp_path / "small")
    assert "Warning: No learning curve: it requires at least 400 training sequences" in capsys.readouterr().err
    assert "learning_curve" not in metrics
    assert not (tmp_path / "small" / smaller_runs.FOLDER).exists()


def test_the_minutes_of_a_smaller_run_are_its_share(choices, tmp_path):
    data = run.read_data(choices)
    (tmp_path / smaller_runs.FOLDER).mkdir()
    dataclasses.replace(choices, minutes=8, learning_curve=False).write(tmp_path / smaller_runs.FOLDER / "config.json")
    limits = []

    def fit(config, smaller, folder):
        limits.append(config.minutes)
        return np.zeros((len(smaller.validation), 1))

    smaller_runs.train_smaller(tmp_path, data, fit)
    assert limits == pytest.approx([2, 4], abs=0.05)
