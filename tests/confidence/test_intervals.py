import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_models import write_toy_model
from weight_sum import WeightSum

import dreamkeras
from dreamkeras.confidence.intervals import KEPT, Intervals, measure_intervals
from dreamkeras.errors import InputError, ModelError


def of(sizes):
    """The calibration of one task with these residuals."""
    sizes = np.asarray(sizes, np.float64)[:, None]
    return measure_intervals(sizes, np.zeros_like(sizes), ["x"])


def quantile(sizes, level):
    """What the definition says: the smallest size that (n + 1) level of n + 1 do not exceed, the last of which is infinite."""
    return np.sort([*sizes, math.inf])[math.ceil(round(level * (len(sizes) + 1), 9)) - 1]


class TestHalfWidths:
    @given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.floats(0.01, 0.99))
    def test_are_the_quantile_with_the_finite_samples_correction(self, sizes, level):
        wanted = quantile(sizes, level)
        if math.isinf(wanted):
            with pytest.raises(ModelError, match=f"got {len(sizes)} of x"):
                of(sizes).half_widths(level)
        else:
            assert of(sizes).half_widths(level)[0] == wanted

    @pytest.mark.parametrize(("level", "fewest"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, 99)])
    def test_fewest_values_for_a_level(self, level, fewest):
        assert of(np.arange(fewest)).half_widths(level)[0] == fewest - 1
        with pytest.raises(ModelError, match=f"Expected at least {fewest} validation values for a level of {level:g}, got {fewest - 1}"):
            of(np.arange(fewest - 1)).half_widths(level)

    @given(st.integers(KEPT + 1, 100_000), st.floats(0.01, 0.995))
    def test_of_thinned_residuals_are_never_too_narrow_and_hardly_too_wide(self, n, level):
        found = of(np.arange(1.0, n + 1))
        wanted = quantile(np.arange(1.0, n + 1), level)
        outside = n + 1 - wanted
        assert len(found.residuals["x"].sizes) <= KEPT
        assert wanted <= found.half_widths(level)[0] <= wanted + max(1, outside / 30)

    @pytest.mark.parametrize("level", [0, 1, -1, 95])
    def test_level_is_a_share(self, level):
        with pytest.raises(InputError, match="between 0 and 1"):
            of(np.arange(100)).half_widths(level)


class TestIntervals:
    def test_reach_as_far_to_both_sides_of_each_task(self):
        measured = np.stack([np.arange(1.0, 20), 10 * np.arange(1.0, 20)], axis=1)
        bounds = measure_intervals(measured, np.zeros_like(measured), ["a", "b"]).bounds(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.9)
        np.testing.assert_array_equal(bounds.low, [[-17, -178], [-15, -176]])
        np.testing.assert_array_equal(bounds.high, [[19, 182], [21, 184]])

    @pytest.mark.parametrize("noise", [np.random.Generator.standard_normal, np.random.Generator.standard_cauchy])
    def test_cover_exactly_the_expected_share_whatever_the_noise(self, noise):
        """Over calibrations of 99, coverage at 0.9 is a draw of Beta(90, 10): its mean 0.9, its deviation 0.0298."""
        random = np.random.default_rng(0)
        covered = []
        for _ in range(400):
            width = of(np.abs(noise(random, 99))).half_widths(0.9)[0]
            covered.append(np.mean(np.abs(noise(random, 1000)) <= width))
        assert abs(np.mean(covered) - 0.9) < 4 * 0.0298 / 20
        assert 0.02 < np.std(covered) < 0.04

    def test_values_that_are_missing_do_not_count(self):
        measured = np.array([[1.0, np.nan], [2.0, 5.0], [np.nan, np.nan]])
        found = measure_intervals(measured, np.zeros((3, 2)), ["a", "b"]).residuals
        assert {task: (part.n, part.sizes.tolist()) for task, part in found.items()} == {"a": (2, [1, 2]), "b": (1, [5])}

    def test_a_task_without_any_value_has_no_interval(self):
        with pytest.raises(ModelError, match="got 0 of x"):
            of([np.nan]).half_widths(0.5)

    def test_predictions_have_to_be_finite_and_of_the_same_shape(self):
        with pytest.raises(InputError, match="finite"):
            measure_intervals(np.zeros((1, 1)), np.full((1, 1), np.nan), ["x"])
        with pytest.raises(InputError, match=r"measured \(2, 1\) and predicted \(3, 1\)"):
            measure_intervals(np.zeros((2, 1)), np.zeros((3, 1)), ["x"])


class TestFile:
    @pytest.mark.parametrize("n", [0, 1, 30, 5000])
    def test_json_round_trip(self, n):
        found = of(np.random.default_rng(1).exponential(size=n))
        again = Intervals.from_json(found.to_json(), ["x"])
        assert again.residuals["x"].n == n
        np.testing.assert_array_equal(again.residuals["x"].ranks, found.residuals["x"].ranks)
        np.testing.assert_allclose(again.residuals["x"].sizes, found.residuals["x"].sizes, rtol=1e-6)

    @given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
    def test_sizes_in_the_file_are_never_less_than_they_were(self, sizes):
        found = of(sizes)
        written = np.array(found.to_json()["x"]["sizes"])
        assert (written >= found.residuals["x"].sizes).all()
        np.testing.assert_allclose(written, found.residuals["x"].sizes, rtol=1e-6)

    @pytest.mark.parametrize(
        "fields", [{"x": 3}, {"x": {"n": 3, "ranks": [1], "sizes": [1, 2]}}, {"x": {"n": 2, "ranks": [1], "sizes": [1]}}]
    )
    def test_something_else_is_refused(self, fields):
        with pytest.raises(ModelError, match="Expected the residuals of each task"):
            Intervals.from_json(fields, ["x"])

    def test_residuals_are_those_of_the_task_of_that_name(self):
        measured = np.stack([np.arange(1.0, 20), 10 * np.arange(1.0, 20)], axis=1)
        fields = measure_intervals(measured, np.zeros_like(measured), ["a", "b"]).to_json()
        turned = dict(reversed(fields.items()))
        for tasks, widths in ((["a", "b"], [18, 180]), (["b", "a"], [180, 18])):
            assert Intervals.from_json(fields, tasks).half_widths(0.9).tolist() == widths
            assert Intervals.from_json(turned, tasks).half_widths(0.9).tolist() == widths

    @pytest.mark.parametrize("tasks", [["a", "b"], ["x", "y"], []])
    def test_other_tasks_are_refused(self, tasks):
        with pytest.raises(ModelError, match=f"^Expected intervals of {', '.join(tasks)}, got those of x"):
            Intervals.from_json(of(np.arange(30)).to_json(), tasks)

    def test_a_lone_file_carries_it(self, tmp_path):
        pytest.importorskip("onnx")
        calibration = {"intervals": measure_intervals(np.ones((40, 2)), np.zeros((40, 2)), ["gc", "a"]).to_json()}
        model = dreamkeras.load(write_toy_model(tmp_path / "m.onnx", calibration=calibration))
        assert Intervals.of(model).bounds(model.predict(["ACGT"]), 0.9).low.tolist() == [[1, 0]]

    def test_a_model_without_one_says_what_adds_it(self):
        with pytest.raises(ModelError, match=r"with intervals in its calibration, got weight sum without: dreamkeras calibrate adds it\.$"):
            Intervals.of(WeightSum())
