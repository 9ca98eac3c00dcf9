"""Tests of correlations against scipy and pandas."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamkeras.errors import InputError
from dreamkeras.statistics import correlation
from dreamkeras.statistics.correlation import FIGURES, mse, pearson, spearman, task_figures

ALL = [getattr(correlation, name) for name in correlation.__all__ if name not in ("FIGURES", "task_figures")]
CORRELATIONS = [pearson, spearman]
VALUES = st.floats(-1e3, 1e3, width=32)


def pairs(elements=VALUES):
    columns = st.integers(3, 30).map(lambda rows: arrays(np.float64, rows, elements=elements))
    return columns.flatmap(lambda column: st.tuples(column, column))


def table(rows=50, tasks=3, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, tasks))
    return x, x + generator.normal(size=(rows, tasks))


@given(pairs())
@settings(deadline=None)
def test_pearson_equals_scipy(pair):
    x, y = pair
    assume(min(np.ptp(x), np.ptp(y)) > 1e-3)
    assert pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-9)


@given(pairs(st.integers(0, 5)))
@settings(deadline=None)
def test_spearman_equals_scipy_and_pandas_with_ties(pair):
    x, y = pair
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(pd.Series(x).corr(pd.Series(y), method="spearman"), abs=1e-12)


@given(pairs())
@settings(deadline=None)
def test_ranks_equal_scipy(pair):
    np.testing.assert_array_equal(correlation._ranks(pair[0]), scipy.stats.rankdata(pair[0]))


@pytest.mark.parametrize(("ours", "method"), [(pearson, "pearson"), (spearman, "spearman")])
def test_tables_are_correlated_column_by_column(ours, method):
    x, y = table()
    expected = pd.DataFrame(x).corrwith(pd.DataFrame(y), method=method)
    result = ours(x, y)
    assert result.shape == (3,)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize("ours", ALL)
def test_a_single_column_has_the_same_correlation(ours):
    x, y = table()
    np.testing.assert_allclose(ours(x, y), [ours(x[:, task], y[:, task]) for task in range(3)], atol=1e-15)
    assert np.shape(ours(x[:, 0], y[:, 0])) == ()


@given(pairs(st.integers(-9, 9)), st.sampled_from([1e-3, 1.0, 7.0]), st.sampled_from([-5.0, 0.0, 3.0]))
def test_correlations_do_not_depend_on_scale_and_shift(pair, scale, shift):
    x, y = pair
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    for ours in CORRELATIONS:
        assert ours(x * scale + shift, y) == pytest.approx(ours(x, y), abs=1e-9)
        assert ours(-x, y) == pytest.approx(-ours(x, y), abs=1e-9)


@given(pairs())
def test_correlations_stay_within_one(pair):
    for ours in CORRELATIONS:
        value = ours(*pair)
        assert np.isnan(value) or -1 <= value <= 1


@pytest.mark.parametrize("ours", CORRELATIONS)
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 / 3, -7.25])
def test_a_constant_column_is_nan_and_the_others_are_not(ours, constant):
    x, y = table()
    x[:, 1] = constant
    result = ours(x, y)
    assert np.isnan(result).tolist() == [False, True, False]
    assert np.isnan(ours(y, x)).tolist() == [False, True, False]


@pytest.mark.parametrize("ours", CORRELATIONS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_affect_only_their_column(ours, wrong):
    x, y = table()
    x[4, 2] = wrong
    result = ours(x, y)
    if ours is spearman and np.isinf(wrong):  # infinite values have ranks
        assert not np.isnan(result).any()
    else:
        assert np.isnan(result).tolist() == [False, False, True]


@pytest.mark.parametrize("ours", CORRELATIONS)
@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_nan(ours, rows):
    assert np.isnan(ours(np.zeros(rows), np.zeros(rows)))
    assert np.isnan(ours(np.zeros((rows, 2)), np.zeros((rows, 2)))).tolist() == [True, True]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_huge_and_tiny_numbers_have_the_same_correlation(scale):
    x, y = table(tasks=1)
    np.testing.assert_allclose(pearson(x * scale, y), pearson(x, y), atol=1e-12)


def test_small_changes_on_a_large_offset_are_detected():
    x, y = table(10_000, 1)
    np.testing.assert_allclose(pearson(x + 1e6, y), pearson(x, y), atol=1e-7)


def test_float32_is_summed_in_float64():
    x, y = (array.astype(np.float32) for array in table(200_000, 1))
    np.testing.assert_allclose(pearson(x, y)[0], scipy.stats.pearsonr(x[:, 0].astype(float), y[:, 0].astype(float)).statistic, atol=1e-12)


def test_mse_is_the_mean_of_squares():
    x, y = table()
    np.testing.assert_allclose(mse(x, y), np.mean((x - y) ** 2, 0), rtol=1e-14)
    assert mse([1, 2, 3], [1, 2, 6]) == 3.0
    assert np.isnan(mse([], []))


def test_mse_of_infinite_values_has_no_warnings():
    assert np.isnan(mse([np.inf], [np.inf]))
    assert mse([np.inf], [0.0]) == np.inf
    assert mse([1e200], [-1e200]) == np.inf


@pytest.mark.parametrize("ours", ALL)
@pytest.mark.parametrize(("x", "y"), [((3,), (4,)), ((3, 2), (3,)), ((2, 2, 2), (2, 2, 2)), ((), ())])
def test_shapes_that_do_not_match_are_refused(ours, x, y):
    with pytest.raises(InputError, match="two arrays of the same shape"):
        ours(np.zeros(x), np.zeros(y))


@pytest.mark.parametrize("ours", ALL)
def test_arguments_are_not_modified(ours):
    x, y = table()
    before = x.copy(), y.copy()
    ours(x, y)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_neither_scipy_nor_pandas_is_imported():
    import subprocess
    import sys

    code = "import sys, dreamkeras.statistics.correlation; print(sorted({'scipy', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


class TestTaskFigures:
    def test_metrics_of_each_task_ignore_rows_without_a_measurement(self):
        generator = np.random.default_rng(0)
        measured, predicted = generator.normal(size=(2, 30, 2))
        measured[5:, 1] = np.nan
        came = task_figures(measured, predicted)
        assert set(came) == {*FIGURES, "n"}
        for name, figure in FIGURES.items():
            wanted = [figure(measured[:rows, task], predicted[:rows, task]) for task, rows in enumerate((30, 5))]
            np.testing.assert_allclose(came[name], wanted)
        assert came["n"].tolist() == [30, 5]

    def test_metrics_of_a_task_without_measurements_are_undefined(self):
        came = task_figures(np.full((3, 1), np.nan), np.ones((3, 1)))
        assert np.isnan(came["r"]).all()
        assert np.isnan(came["mse"]).all()
        assert came["n"] == [0]

    def test_other_shapes_are_refused(self):
        with pytest.raises(InputError, match="Expected two arrays of the same shape"):
            task_figures(np.ones((3, 1)), np.ones((3, 2)))
