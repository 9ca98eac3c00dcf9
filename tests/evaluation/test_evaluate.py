import dataclasses

import numpy as np
import pytest

from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError
from dreamkeras.evaluation.evaluate import evaluate
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.noise_ceiling import noise_ceiling


def examples(targets):
    targets = np.asarray(targets, np.float32)
    n = len(targets)
    return Examples(
        [str(i) for i in range(n)], np.full((n, 5), 65, np.uint8), targets, np.zeros((n, 0), np.float32), np.full(n, 5, np.int32)
    )


@pytest.fixture
def measured():
    """Targets of two tasks. A quarter of the values of the second task are missing."""
    targets = np.random.default_rng(0).normal(size=(40, 2))
    targets[::4, 1] = np.nan
    return examples(targets)


def predictions(measured, seed=1):
    return np.nan_to_num(measured.targets) + np.random.default_rng(seed).normal(size=measured.targets.shape)


def test_metrics_of_each_task_ignore_rows_without_a_measurement(measured):
    predicted = predictions(measured)
    wanted = task_figures(measured.targets, predicted)
    found = evaluate(measured, ("dev", "hk"), {"m": predicted}, draws=50).figures["m"]
    for column, task in enumerate(("dev", "hk")):
        assert found[task].n == wanted["n"][column]
        for name in ("r", "rho", "mse"):
            assert getattr(found[task], name).value == pytest.approx(wanted[name][column])


def test_every_two_models_are_compared_on_every_task(measured):
    models = {name: predictions(measured, seed) for seed, name in enumerate("abc")}
    found = evaluate(measured, ("dev", "hk"), models, draws=50)
    assert {(apart.first, apart.second) for apart in found.differences} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert len(found.differences) == 6
    for apart in found.differences:
        figures = [found.figures[name][apart.task] for name in (apart.first, apart.second)]
        assert apart.r.value == pytest.approx(figures[0].r.value - figures[1].r.value)
        assert apart.mse.value == pytest.approx(figures[0].mse.value - figures[1].mse.value)


def test_with_other_units_errors_are_undefined_and_correlations_are_not(measured):
    models = {"a": predictions(measured), "b": 100 * predictions(measured)}
    found = evaluate(measured, ("dev", "hk"), models, in_units=False, draws=20)
    assert np.isnan([figures.mse.value for tasks in found.figures.values() for figures in tasks.values()]).all()
    assert np.isnan([apart.mse.value for apart in found.differences]).all()
    assert found.figures["a"]["dev"].r.value == pytest.approx(found.figures["b"]["dev"].r.value)


def test_subsets_give_each_model_a_score():
    one = examples(np.arange(6)[:, None])
    found = evaluate(one, ("x",), {"up": one.targets, "down": -one.targets}, {"all": np.arange(6), "yeast": np.arange(3)}, draws=5)
    assert {name: score.spearman for name, score in found.scores.items()} == {"up": pytest.approx(1), "down": pytest.approx(-1)}


def test_arguments_are_not_modified(measured):
    predicted, before = predictions(measured), measured.targets.copy()
    kept = predicted.copy()
    evaluate(measured, ("dev", "hk"), {"m": predicted}, draws=5)
    np.testing.assert_array_equal(predicted, kept)
    np.testing.assert_array_equal(measured.targets, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": {}}, "at least one model, got none"),
        ({"predictions": {"m": np.zeros((39, 2))}}, r"shape \(40, 2\) for dev, hk, got shape \(39, 2\) from m"),
        ({"predictions": {"m": np.full((40, 2), np.nan)}}, "got NaN or infinity from m for 40 of the 40 sequences"),
        ({"subsets": {"all": np.arange(40)}}, "one task for the DREAM Challenge score, got dev, hk"),
        ({"draws": 0}, "at least 1 draw"),
    ],
)
def test_invalid_arguments_are_refused(measured, change, message):
    choices = {"predictions": {"m": np.zeros((40, 2)) + np.arange(40)[:, None]}, **change}
    with pytest.raises(InputError, match=message):
        evaluate(measured, ("dev", "hk"), **choices)


def test_a_score_requires_a_value_in_every_row():
    gap = examples([[1], [np.nan], [3], [4]])
    with pytest.raises(InputError, match="a measured value in every row"):
        evaluate(gap, ("x",), {"m": np.ones((4, 1)) * np.arange(4)[:, None]}, {"all": np.arange(4)}, draws=2)
    with pytest.raises(InputError, match="at least 2 measured values of 'x', got 1"):
        evaluate(examples([[1], [np.nan]]), ("x",), {"m": np.ones((2, 1))})


def test_metrics_of_peaks_equal_those_of_a_file_with_peaks_only():
    measured = examples(np.random.default_rng(0).normal(size=(40, 1)))
    is_peak = np.arange(40) % 3 == 0
    models = {name: predictions(measured, seed) for seed, name in enumerate("ab")}
    found = evaluate(dataclasses.replace(measured, is_peak=is_peak), ("t",), models, draws=30)
    alone = evaluate(measured.select(is_peak), ("t",), {name: values[is_peak] for name, values in models.items()}, draws=30)
    whole = evaluate(measured, ("t",), models, draws=30)
    assert (found.peaks, found._replace(peaks=None)) == (alone, whole)
    assert list(found.parts()) == ["peaks", "all"]
    assert evaluate(dataclasses.replace(measured, is_peak=np.ones(40, bool)), ("t",), models, draws=2).peaks is None


def test_replicates_give_each_task_a_noise_ceiling(measured):
    replicates = np.random.default_rng(3).normal(size=(40, 2, 3)) + measured.targets[:, :, None]
    found = evaluate(dataclasses.replace(measured, replicates=replicates), ("dev", "hk"), {"m": predictions(measured)}, draws=2)
    assert found.ceilings == {task: noise_ceiling(replicates[:, column]) for column, task in enumerate(("dev", "hk"))}
    assert evaluate(measured, ("dev", "hk"), {"m": predictions(measured)}, draws=2).ceilings == {}


def test_an_interval_with_undefined_resamples_is_defined():
    """One of 12 values differs. A third of the resamples are constant, so that their r is undefined."""
    measured = examples([[0.0]] * 11 + [[1.0]])
    found = evaluate(measured, ("t",), {"m": np.random.default_rng(0).normal(size=(12, 1))}, draws=300).figures["m"]["t"]
    assert np.isfinite([*found.r, *found.rho, *found.mse]).all()
