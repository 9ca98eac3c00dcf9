import time

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.statistics import bootstrap
from dreamkeras.statistics.bootstrap import interval, paired_differences, resample_pearson


def columns(rows=60, models=3, tasks=None, seed=0):
    """Measurements far from 0, and predictions that become worse from model to model."""
    random = np.random.default_rng(seed)
    shape = (rows,) if tasks is None else (rows, tasks)
    measured = 1000 + random.normal(size=shape)
    noise = np.arange(1, models + 1).reshape(-1, *[1] * len(shape))
    return measured, measured + 0.5 * noise * random.normal(size=(models, *shape))


def loop(measured, predicted, draws, seed):
    """Textbook bootstrap in a loop with `np.corrcoef`."""
    random, rows = np.random.default_rng(seed), len(measured)
    r = np.empty((draws, len(predicted)))
    for draw in range(draws):
        index = random.integers(0, rows, rows)
        for model, values in enumerate(predicted):
            pairs = zip(np.atleast_2d(measured[index].T), np.atleast_2d(values[index].T), strict=True)
            r[draw, model] = np.mean([np.corrcoef(x, y)[0, 1] for x, y in pairs])
    return r


class TestResamplePearson:
    @pytest.mark.parametrize("tasks", [None, 1, 2])
    @pytest.mark.parametrize("cells", [1, 200, bootstrap.CELLS])
    def test_equals_a_textbook_bootstrap(self, tasks, cells, monkeypatch):
        monkeypatch.setattr(bootstrap, "CELLS", cells)
        measured, predicted = columns(tasks=tasks)
        np.testing.assert_allclose(resample_pearson(measured, predicted, 25, 3), loop(measured, predicted, 25, 3), atol=1e-10)

    def test_resamples_depend_only_on_the_seed(self):
        measured, predicted = columns()
        first, again, other = (resample_pearson(measured, predicted, 10, seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()

    def test_resamples_are_the_same_for_every_model(self):
        measured, predicted = columns(models=1)
        r = resample_pearson(measured, np.stack([predicted[0], 5 - 3 * predicted[0], predicted[0] / 7]), 20)
        np.testing.assert_allclose(r[:, 0], -r[:, 1])
        np.testing.assert_allclose(r[:, 0], r[:, 2])

    def test_arguments_are_not_modified(self):
        measured, predicted = columns()
        before = measured.copy(), predicted.copy()
        resample_pearson(measured, predicted, 5)
        np.testing.assert_array_equal(measured, before[0])
        np.testing.assert_array_equal(predicted, before[1])

    def test_r_of_constant_and_infinite_predictions_is_undefined(self):
        measured, predicted = columns()
        predicted[1], predicted[2, 5] = 4.2, np.inf
        r = resample_pearson(measured, predicted, 10)
        assert np.isfinite(r).all(0).tolist() == [True, False, False]

    def test_missing_measurements_are_ignored(self):
        measured, predicted = columns(tasks=2)
        measured[::3, 1] = np.nan
        random, draws = np.random.default_rng(3), []
        for _ in range(25):
            index = random.integers(0, 60, 60)
            there = index[~np.isnan(measured[index, 1])]
            rows = (index, there)
            draws.append([np.mean([np.corrcoef(measured[rows[t], t], model[rows[t], t])[0, 1] for t in (0, 1)]) for model in predicted])
        np.testing.assert_allclose(resample_pearson(measured, predicted, 25, 3), draws, atol=1e-10)

    def test_a_constant_task_is_excluded_from_the_mean(self):
        measured, predicted = columns(tasks=2)
        alone = resample_pearson(measured[:, 0], predicted[..., 0], 20)
        measured[1:, 1] = np.nan
        np.testing.assert_allclose(resample_pearson(measured, predicted, 20), alone, atol=1e-12)

    def test_undefined_r_of_one_task_is_replaced_by_zero(self):
        measured, predicted = columns(tasks=2)
        first = resample_pearson(measured[:, 0], predicted[..., 0], 20)
        predicted[1, :, 1] = 7
        np.testing.assert_allclose(resample_pearson(measured, predicted, 20)[:, 1], first[:, 1] / 2, atol=1e-12)

    def test_r_of_a_constant_resample_is_undefined(self):
        r = resample_pearson([0.1, 0.7, 0.7, 0.7], [[0.3, 0.9, 0.8, 0.2]], 300)
        random = np.random.default_rng(0)
        without_first = [not (random.integers(0, 4, 4) == 0).any() for _ in range(300)]
        assert np.isnan(r[without_first, 0]).all()

    @pytest.mark.parametrize(
        ("measured", "predicted"), [([1.0, 2], [1.0, 2]), ([1.0, 2], [[1.0, 2, 3]]), ([], [[]]), ([[[1.0]]], [[[[1.0]]]])]
    )
    def test_shapes_that_do_not_match_are_refused(self, measured, predicted):
        with pytest.raises(InputError, match=r"Expected measurements of shape \(n,\) with"):
            resample_pearson(measured, predicted)

    def test_zero_draws_are_refused(self):
        with pytest.raises(InputError, match="at least 1 draw, got 0"):
            resample_pearson(*columns(), draws=0)

    @pytest.mark.parametrize(("rows", "seconds"), [(6_000, 1), (71_103, 20)])
    def test_1000_draws_are_fast(self, rows, seconds):
        measured, predicted = columns(rows, 2)
        begin = time.process_time()
        assert resample_pearson(measured, predicted).shape == (1000, 2)
        assert time.process_time() - begin < seconds


class TestInterval:
    def test_contains_the_given_share_of_draws(self):
        assert interval(np.arange(1001)) == pytest.approx([25, 975])
        assert interval(np.arange(1001), 0.5) == pytest.approx([250, 750])
        assert interval(np.zeros((10, 3, 4))).shape == (2, 3, 4)

    def test_ignores_undefined_draws(self):
        samples = np.concatenate([np.arange(1001.0), np.full(50, np.nan)])
        bounds = interval(np.stack([samples, np.full(1051, np.nan)], axis=1))
        np.testing.assert_allclose(bounds, [[25, np.nan], [975, np.nan]])

    def test_has_about_the_nominal_coverage(self):
        truth, hits = 1 / np.sqrt(1.25), 0
        for seed in range(100):
            low, high = interval(resample_pearson(*columns(200, 1, seed=seed), draws=200)[:, 0])
            hits += low <= truth <= high
        assert 88 <= hits <= 100


class TestPairedDifferences:
    def test_difference_of_the_mean_r_of_two_groups(self):
        measured, predicted = columns(models=4)
        found = paired_differences(measured, predicted, [5, 5, 2, 7], reference=5, draws=50, seed=1)
        r = [np.corrcoef(measured, values)[0, 1] for values in predicted]
        samples = loop(measured, predicted, 50, 1)
        assert list(found) == [2, 7]
        for group, model in ((2, 2), (7, 3)):
            assert found[group].value == pytest.approx((r[0] + r[1]) / 2 - r[model])
            draws = (samples[:, 0] + samples[:, 1]) / 2 - samples[:, model]
            assert found[group][1:] == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))

    def test_paired_intervals_detect_a_difference_within_single_intervals(self):
        measured, predicted = columns(300, 1)
        worse = predicted[0] + 0.1 * np.random.default_rng(1).normal(size=300)
        both = np.stack([predicted[0], worse])
        difference = paired_differences(measured, both, [0, 1], 0)[1]
        (low, _), (_, high) = interval(resample_pearson(measured, both)).T
        assert 0 < difference.value < high - low
        assert difference.high - difference.low < 0.3 * (high - low)

    def test_a_reference_without_other_groups_has_no_differences(self):
        measured, predicted = columns()
        assert paired_differences(measured, predicted, [0, 0, 0], 0, draws=2) == {}
