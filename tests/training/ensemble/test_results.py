"""Tests of the metrics of an ensemble that come from the metrics of its runs."""

import json

import numpy as np
import pytest

from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.training.config import RunConfig
from dreamkeras.training.ensemble.results import _metrics, _trained_r

RUN = {"r": 0.5, "rho": 0.25, "mse": 1.0, "relative_mse": 0.75, "n": 9, "epoch": 2, "best_epoch": 1, "seconds": 1.25, "examples": 81}
RUN |= {"parameters": 7, "steps": 30, "baseline": {"r": 0.375}, "holdout": {"share": 0.1, "near_duplicates": None}}


@pytest.fixture
def runs(tmp_path):
    """`runs(*metrics)`: run folders with these metrics."""

    def write(*metrics):
        folders = [tmp_path / f"seed-{seed}" for seed in range(len(metrics))]
        for place, (folder, row) in enumerate(zip(folders, metrics, strict=True)):
            folder.mkdir()
            RunConfig(model=f"network-{place}").write(folder / "config.json")
            (folder / "metrics.json").write_text(json.dumps(row))
        return folders

    return write


def test_entries_that_are_equal_in_all_runs_are_kept_and_costs_are_added_up(runs):
    found = _metrics(runs(RUN, {**RUN, "r": 0.75, "seconds": 2.0}), {"r": 0.8, "mse": 0.5})
    assert (found["r"], found["mse"], found["n"], found["examples"]) == (0.8, 0.5, 9, 81)
    assert (found["parameters"], found["steps"], found["seconds"]) == (14, 60, 3.2)
    assert found["holdout"]["share"] == 0.1
    assert not found.keys() & {"epoch", "best_epoch", "baseline"}  # of a single network
    assert found["mean_of_seeds"] == {"r": 0.625, "rho": 0.25, "mse": 1.0, "relative_mse": 0.75}
    assert [(row["epoch"], row["model"]) for row in found["seeds"].values()] == [(2, "network-0"), (2, "network-1")]


def test_the_metrics_of_each_task_are_averaged(runs):
    tasks = [{"a": {"r": r, "rho": 0.5, "mse": 1.0}, "b": {"r": None, "rho": 0.5, "mse": 3.0}} for r in (0.25, 0.75)]
    found = _metrics(runs(*({**RUN, "tasks": row} for row in tasks)), {"r": 0.8, "tasks": {"a": {"r": 0.9}, "b": {"r": np.nan}}})
    assert found["tasks"]["a"] == {"r": 0.9}
    assert found["mean_of_seeds"]["tasks"]["a"] == {"r": 0.5, "rho": 0.5, "mse": 1.0}
    assert np.isnan(found["mean_of_seeds"]["tasks"]["b"]["r"])
    assert found["seeds"]["1"]["tasks"]["a"]["r"] == 0.75


def test_the_mean_is_undefined_if_the_metric_of_a_seed_is(runs):
    found = _metrics(runs(RUN, {**RUN, "r": None}), {"r": 0.8})
    assert np.isnan(found["mean_of_seeds"]["r"])
    assert found["mean_of_seeds"]["mse"] == 1.0


def test_the_r_in_the_plot_of_the_history_is_on_the_scale_of_the_training():
    measured = np.array([[1.0, 0.0], [4.0, 1.0], [64.0, 1.0], [2.0, 0.0]])
    predicted = np.array([[2.0, 0.2], [8.0, 0.7], [256.0, 0.9], [4.0, 0.4]])
    r = _trained_r(measured, predicted, (TaskScale(transform="log2"), TaskScale("binary")))
    wanted = [np.corrcoef(np.log2(measured[:, 0]), np.log2(predicted[:, 0]))[0, 1], np.corrcoef(measured[:, 1], predicted[:, 1])[0, 1]]
    assert r == pytest.approx(np.mean(wanted))
