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
    """Returns intervals of one task with these residuals."""
    sizes = np.asarray(sizes, np.float64)[:, None]
    return measure_intervals(sizes, np.zeros_like(sizes), ["x"])


def quantile(sizes, level):
    """Returns the quantile by its definition: the residual of rank (n + 1) * level among n residuals and infinity."""
    return np.sort([*sizes, math.inf])[math.ceil(round(level * (len(sizes) + 1), 9)) - 1]


class TestHalfWidths:
    @given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.floats(0.01, 0.99))
    def test_are_quantiles_with_finite_sample_correction(self, sizes, level):
        wanted = quantile(sizes, level)
        if math.isinf(wanted):
            with pytest.raises(ModelError, match=f"The level .* values of x, got {len(sizes)}"):
                of(sizes).half_widths(level)
        else:
            assert of(sizes).half_widths(level)[0] == wanted

    @pytest.mark.parametrize(("level", "fewest"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, 99)])
    def test_minimum_number_of_values_for_a_level(self, level, fewest):
        assert of(np.arange(fewest)).half_widths(level)[0] == fewest - 1
        with pytest.raises(ModelError, match=f"The level {level:g} requires at least {fewest} validation values? of x, got {fewest - 1}"):
            of(np.arange(fewest - 1)).half_widths(level)

    @pytest.mark.parametrize(("n", "highest"), [(1, 0.5), (9, 0.9), (99, 0.99), (150, 0.993), (1000, 0.999)])
    def test_a_level_that_is_too_high_names_the_highest_level(self, n, highest):
        with pytest.raises(ModelError, match=rf"got {n:,}\. The highest possible level is {highest}\.$"):
            of(np.arange(n)).half_widths(0.9999)
        assert of(np.arange(n)).half_widths(highest)[0] < n

    @given(st.integers(KEPT + 1, 100_000), st.floats(0.01, 0.995))
    def test_of_a_subset_of_residuals_are_never_too_narrow_and_hardly_too_wide(self, n, level):
        found = of(np.arange(1.0, n + 1))
        wanted = quantile(np.arange(1.0, n + 1), level)
        outside = n + 1 - wanted
        assert len(found.residuals["x"].sizes) <= KEPT
        assert wanted <= found.half_widths(level)[0] <= wanted + max(1, outside / 30)

    @pytest.mark.parametrize("level", [0, 1, -1, 95])
    def test_level_must_be_between_0_and_1(self, level):
        with pytest.raises(InputError, match="between 0 and 1"):
            of(np.arange(100)).half_widths(level)


class TestIntervals:
    def test_are_symmetric_around_predictions(self):
        measured = np.stack([np.arange(1.0, 20), 10 * np.arange(1.0, 20)], axis=1)
        bounds = measure_intervals(measured, np.zeros_like(measured), ["a", "b"]).bounds(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.9)
        np.testing.assert_array_equal(bounds.low, [[-17, -178], [-15, -176]])
        np.testing.assert_array_equal(bounds.high, [[19, 182], [21, 184]])

    @pytest.mark.parametrize("noise", [np.random.Generator.standard_normal, np.random.Generator.standard_cauchy])
    def test_coverage_is_exact_for_any_noise(self, noise):
        """With 99 residuals, coverage at level 0.9 has the distribution Beta(90, 10), with mean 0.9 and standard deviation 0.0298."""
        random = np.random.default_rng(0)
        covered = []
        for _ in range(400):
            width = of(np.abs(noise(random, 99))).half_widths(0.9)[0]
            covered.append(np.mean(np.abs(noise(random, 1000)) <= width))
        assert abs(np.mean(covered) - 0.9) < 4 * 0.0298 / 20
        assert 0.02 < np.std(covered) < 0.04

    def test_missing_values_are_ignored(self):
        measured = np.array([[1.0, np.nan], [2.0, 5.0], [np.nan, np.nan]])
        found = measure_intervals(measured, np.zeros((3, 2)), ["a", "b"]).residuals
        assert {task: (part.n, part.sizes.tolist()) for task, part in found.items()} == {"a": (2, [1, 2]), "b": (1, [5])}

    def test_a_task_without_any_value_has_no_interval(self):
        with pytest.raises(ModelError, match=r"The level 0\.5 requires at least 1 validation value of x, got 0\.$"):
            of([np.nan]).half_widths(0.5)

    def test_predictions_must_be_finite_and_of_the_same_shape(self):
        with pytest.raises(InputError, match="finite"):
            measure_intervals(np.zeros((1, 1)), np.full((1, 1), np.nan), ["x"])
        with pytest.raises(InputError, match=r"got measurements of shape \(2, 1\) and predictions of shape \(3, 1\)"):
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
    def test_sizes_in_the_file_are_rounded_up(self, sizes):
        found = of(sizes)
        written = np.array(found.to_json()["x"]["sizes"])
        assert (written >= found.residuals["x"].sizes).all()
        np.testing.assert_allclose(written, found.residuals["x"].sizes, rtol=1e-6)

    @pytest.mark.parametrize(
        "fields", [{"x": 3}, {"x": {"n": 3, "ranks": [1], "sizes": [1, 2]}}, {"x": {"n": 2, "ranks": [1], "sizes": [1]}}]
    )
    def test_malformed_fields_are_refused(self, fields):
        with pytest.raises(ModelError, match="Cannot read the residuals of each task"):
            Intervals.from_json(fields, ["x"])

    def test_residuals_are_assigned_by_the_names_of_tasks(self):
        measured = np.stack([np.arange(1.0, 20), 10 * np.arange(1.0, 20)], axis=1)
        fields = measure_intervals(measured, np.zeros_like(measured), ["a", "b"]).to_json()
        turned = dict(reversed(fields.items()))
        for tasks, widths in ((["a", "b"], [18, 180]), (["b", "a"], [180, 18])):
            assert Intervals.from_json(fields, tasks).half_widths(0.9).tolist() == widths
            assert Intervals.from_json(turned, tasks).half_widths(0.9).tolist() == widths

    @pytest.mark.parametrize("tasks", [["a", "b"], ["x", "y"], []])
    def test_other_tasks_are_refused(self, tasks):
        with pytest.raises(ModelError, match=f"^Expected intervals for {', '.join(tasks)}, got intervals for x"):
            Intervals.from_json(of(np.arange(30)).to_json(), tasks)

    def test_intervals_are_read_from_an_onnx_file(self, tmp_path):
        pytest.importorskip("onnx")
        calibration = {"intervals": measure_intervals(np.ones((40, 2)), np.zeros((40, 2)), ["gc", "a"]).to_json()}
        model = dreamkeras.load(write_toy_model(tmp_path / "m.onnx", calibration=calibration))
        assert Intervals.of(model).bounds(model.predict(["ACGT"]), 0.9).low.tolist() == [[1, 0]]

    def test_error_for_a_model_without_intervals(self):
        message = r"^The model weight sum has no intervals in its calibration\. Calibrate the model with dreamkeras calibrate\.$"
        with pytest.raises(ModelError, match=message):
            Intervals.of(WeightSum())
