"""Tests of the runs of an ensemble: their networks, their number and their time limits."""

import dataclasses

import keras
import pytest

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.training.config import AUTO, RunConfig
from dreamkeras.training.ensemble import runs as ensemble_runs
from dreamkeras.training.ensemble import train as ensemble_train
from dreamkeras.training.ensemble.results import _recorded
from dreamkeras.training.ensemble.train import train_ensemble
from dreamkeras.training.run_data import read_data


@pytest.fixture
def started(choose, tmp_path, monkeypatch):
    """`started(**choices)`: the configurations of the runs that an ensemble would start, and the printed lines."""

    def start(parallel=1, **choices):
        found, lines = [], []

        def record(runs, *_):
            found.extend(RunConfig.read(run.config) for run in runs)
            return {run.name: "exit status 1; stopped" for run in runs}

        monkeypatch.setattr(ensemble_train, "run_processes", record)
        with pytest.raises(DreamkerasError, match="stopped"):
            train_ensemble(choose(**choices), tmp_path / "run", lines.append, keras.backend.backend(), parallel=parallel)
        return found, lines

    return start


def test_networks_alternate(started):
    runs, lines = started(model="a", alternates=("b",), ensemble=3)
    assert [(run.model, run.seed, run.alternates, run.ensemble) for run in runs] == [
        ("a", 3, (), None), ("b", 4, (), None), ("a", 5, (), None),
    ]  # fmt: skip
    assert lines[0] == "Networks: 2 x a, 1 x b."


def test_the_default_number_depends_on_rows_and_window(started, monkeypatch):
    asked = []
    monkeypatch.setattr(ensemble_runs, "default_size", lambda *sizes: asked.append(sizes) or 3)
    assert [run.seed for run in started(ensemble=AUTO)[0]] == [3, 4, 5]
    assert asked == [(135, 150)]  # 90 % of 150 rows, in windows of the yeast construct


@pytest.mark.parametrize(("parallel", "minutes"), [(1, 4.0), (2, 6.0), (3, 12.0), (8, 12.0)])
def test_the_time_limit_is_divided_among_runs_that_follow_each_other(started, parallel, minutes):
    runs, _ = started(parallel, ensemble=3, minutes=12)
    assert [run.minutes for run in runs] == [minutes] * 3


def test_started_runs_keep_their_time_limit_unless_the_limit_of_the_ensemble_changes(choose, tmp_path):
    config = choose(ensemble=3, minutes=12)
    (tmp_path / "seed-3").mkdir()
    for folder in (tmp_path, tmp_path / "seed-3"):
        config.write(folder / "config.json")
    found = ensemble_train._configs(config, tmp_path, 3)
    assert {name: run.minutes for name, run in found.items()} == {"seed-3": None, "seed-4": 12, "seed-5": 12}
    found = ensemble_train._configs(dataclasses.replace(config, minutes=6), tmp_path, 1)
    assert {name: run.minutes for name, run in found.items()} == {"seed-3": None, "seed-4": 2, "seed-5": 2}
    assert RunConfig.read(tmp_path / "seed-3" / "config.json").minutes == 2


def test_every_network_has_a_run(choose, monkeypatch):
    monkeypatch.setattr(ensemble_runs, "default_size", lambda *sizes: 2)
    config = choose(model="a", alternates=("b", "c"), ensemble=AUTO)
    assert ensemble_runs.with_size(config, read_data(choose())).ensemble == 3


def test_choices_in_which_runs_differ_are_not_recorded(choose, tmp_path):
    given = choose(model="a", alternates=("b",), ensemble=2, batch_size=None, minutes=12)
    shared = {"batch_size": 32, "minutes": 6, "data": "old.tsv"}
    begun = [choose(model="a", seed=3, loss="mse", **shared), choose(model="b", seed=4, loss="huber", **shared)]
    for place, config in enumerate(begun):
        (tmp_path / str(place)).mkdir()
        config.write(tmp_path / str(place) / "config.json")
    assert _recorded(given, [tmp_path / "0", tmp_path / "1"]) == dataclasses.replace(given, batch_size=32)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"alternates": ("b",)}, "Several networks require an ensemble, got tiny, b."),
        ({"alternates": ("b", "c"), "ensemble": 2}, "Expected ensemble to be at least 3, the number of networks, got 2."),
        ({"ensemble": "many"}, "Expected ensemble to be 'auto' or a number, got 'many'."),
    ],
)
def test_wrong_sizes_are_refused(choose, choices, message):
    with pytest.raises(InputError, match=message):
        choose(**choices)
