"""Intervals of transformed values and counts, and models without intervals."""

import json

import numpy as np
import pytest
from calibrated import TEXTS, Knowing, scored

from dreamkeras.confidence.columns import ConfidenceColumns
from dreamkeras.confidence.intervals import Intervals, measure_intervals
from dreamkeras.errors import ModelError
from dreamkeras.sequence.task_scale import TaskScale

RANDOM = np.random.default_rng(3)
LOG2 = TaskScale(transform="log2", offset=0.5)


def again(intervals, tasks):
    return Intervals.from_json(json.loads(json.dumps(intervals.to_json())), tasks)


@pytest.mark.parametrize("scale", [LOG2, TaskScale(transform="log1p"), TaskScale(transform="asinh")])
def test_the_ends_of_intervals_of_transformed_values_are_transformed_back(scale):
    measured, predicted = np.exp(RANDOM.normal(size=(2, 199, 1)))
    found = again(measure_intervals(measured, predicted, ["y"], [scale]), ["y"])
    width = np.quantile(np.abs(scale.fitted(measured) - scale.fitted(predicted)), 0.9, method="higher")
    bounds = found.bounds(np.array([[2.0]]), 0.9)
    middle = scale.fitted(np.array(2.0))
    assert bounds.low[0, 0] == pytest.approx(scale.natural(middle - width), rel=0.1)
    assert bounds.high[0, 0] == pytest.approx(scale.natural(middle + width), rel=0.1)
    assert bounds.high[0, 0] - 2 > 2 - bounds.low[0, 0]


@pytest.mark.parametrize("scale", [LOG2, TaskScale("counts"), TaskScale()])
def test_the_share_of_calibration_values_in_intervals_is_the_level(scale):
    predicted = np.exp(RANDOM.normal(3, 1, (999, 1)))
    measured = RANDOM.poisson(predicted).astype(float)
    bounds = again(measure_intervals(measured, predicted, ["y"], [scale]), ["y"]).bounds(predicted, 0.9)
    within = (measured >= bounds.low * (1 - 1e-6)) & (measured <= bounds.high * (1 + 1e-6))
    assert within.mean() == pytest.approx(0.9, abs=0.01)


def test_intervals_of_counts_are_square_root_intervals_and_never_negative():
    measured, predicted = np.array([[1.0], [4.0], [9.0]]), np.array([[4.0], [4.0], [4.0]])
    found = measure_intervals(measured, predicted, ["y"], [TaskScale("counts")])
    roots = np.sqrt(np.array([1, 4, 9]) + 3 / 8)
    np.testing.assert_allclose(found.residuals["y"].sizes, np.sort(abs(roots - roots[1])))
    bounds = found.bounds(np.array([[0.01], [400.0]]), 0.7)
    assert bounds.low[0, 0] == 0
    assert 20 < bounds.high[1, 0] - 400 < 50


def test_a_binary_task_has_no_interval():
    values = np.ones((50, 2))
    found = again(measure_intervals(values, 0 * values, ["y", "b"], [TaskScale(), TaskScale("binary")]), ["y", "b"])
    assert list(found.residuals) == ["y"]
    assert found.bounds(values, 0.5).low.shape == (50, 1)
    alone = again(measure_intervals(values[:, :1], values[:, :1], ["b"], [TaskScale("binary")]), ["b"])
    with pytest.raises(ModelError, match=r"^There is no prediction interval for b, because the prediction of a binary task .*\.$"):
        alone.half_widths(0.5)


def test_plain_intervals_are_stored_as_before():
    fields = measure_intervals(np.ones((9, 1)), np.zeros((9, 1)), ["y"]).to_json()
    assert set(fields["y"]) == {"n", "ranks", "sizes"}


def test_columns_of_a_model_with_a_binary_task():
    scorer = Knowing()
    first, second = scorer.tasks
    sizes = np.tile(np.arange(1.0, 100)[:, None], 2)
    scales = [TaskScale("binary"), TaskScale(transform="asinh")]
    scorer.known["intervals"] = measure_intervals(sizes, 0 * sizes, scorer.tasks, scales).to_json()
    judged = ConfidenceColumns(interval=0.9).add_to(scorer)
    assert list(judged.columns) == [first, second, f"{second}_low", f"{second}_high"]
    assert judged.note.startswith(f"There is no prediction interval for {first},")
    rows = scored(judged, TEXTS)
    width = np.arcsinh(90.0)
    np.testing.assert_allclose(rows[:, 2], np.sinh(np.arcsinh(rows[:, 1]) - width), rtol=1e-4)
    np.testing.assert_allclose(rows[:, 3], np.sinh(np.arcsinh(rows[:, 1]) + width), rtol=1e-4)
    assert ConfidenceColumns(interval=0.9).add_to(Knowing()).note == ""
