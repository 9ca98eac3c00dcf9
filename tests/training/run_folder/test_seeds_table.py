"""Tests of the section of a model card that compares an ensemble with its seeds."""

from dreamkeras.training.run_folder.seeds_table import seeds_table

ROW = {"r": 0.5, "rho": 0.25, "mse": 2.0}
NAN = float("nan")


def test_a_single_run_has_no_section():
    assert seeds_table({**ROW, "epoch": 3}) == []


def test_the_ensemble_stands_above_the_mean_and_the_seeds():
    seeds = {"3": {**ROW, "r": 0.375, "epoch": 2, "model": "a"}, "4": {**ROW, "r": 0.4, "epoch": 12, "model": "a"}}
    lines = seeds_table({**ROW, "seeds": seeds, "mean_of_seeds": {**ROW, "r": NAN}})
    assert lines[2:] == [
        "| model | Pearson r | Spearman rho | mean squared error | epoch |",
        "|---|---|---|---|---|",
        "| mean prediction of 2 networks | 0.500 | 0.250 | 2 |  |",
        "| mean of the metrics of 2 networks | undefined | 0.250 | 2 |  |",
        "| seed 3 | 0.375 | 0.250 | 2 | 2 |",
        "| seed 4 | 0.400 | 0.250 | 2 | 12 |",
    ]


def test_each_task_has_a_column():
    row = {**ROW, "tasks": {"a": {"r": 0.125}, "b": {"r": NAN}}}
    lines = seeds_table({**row, "seeds": {"0": {**row, "model": "a"}}, "mean_of_seeds": row})
    assert lines[2].endswith("| epoch | r of a | r of b |")
    assert lines[-1] == "| seed 0 | 0.500 | 0.250 | 2 |  | 0.125 | undefined |"


def test_different_networks_are_named():
    seeds = {"3": {**ROW, "model": "a"}, "4": {**ROW, "model": "b"}}
    lines = seeds_table({**ROW, "seeds": seeds, "mean_of_seeds": ROW})
    assert [line.split(" | ")[0] for line in lines[-2:]] == ["| seed 3, `a`", "| seed 4, `b`"]
