import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.statistics import bootstrap
from dreamkeras.statistics.correlation import FIGURES, mse, pearson, spearman
from dreamkeras.statistics.resampling import figure_differences, resample_figures, with_intervals


def columns(rows=50, ties=False):
    random = np.random.default_rng(1)
    measured = random.normal(size=rows)
    predicted = measured + random.normal(size=(2, rows)) * [[0.5], [2]]
    return (np.rint(2 * measured), np.rint(predicted)) if ties else (measured, predicted)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("cells", [1, 120, bootstrap.CELLS])
def test_equals_metrics_of_rows_that_are_drawn_and_ranked_directly(ties, cells, monkeypatch):
    monkeypatch.setattr(bootstrap, "CELLS", cells)
    measured, predicted = columns(ties=ties)
    came = resample_figures(measured, predicted, 20, seed=4)
    random = np.random.default_rng(4)
    drawn = [random.integers(0, 50, 50) for _ in range(20)]
    for name, figure in FIGURES.items():
        wanted = [[figure(measured[index], model[index]) for model in predicted] for index in drawn]
        np.testing.assert_allclose(came[name], wanted, atol=1e-10)


def test_undefined_metrics_are_nan_and_do_not_affect_other_models():
    measured, predicted = columns()
    predicted[0, 3] = np.inf
    came = resample_figures(measured, [*predicted, np.ones(50)], 5)
    for name in ("r", "rho"):
        assert np.isnan(came[name]).all(axis=0).tolist() == [True, False, True]
    assert np.isfinite(came["mse"][:, 1:]).all()


def test_several_tasks_are_refused():
    with pytest.raises(InputError, match=r"one task, with shape \(n,\), got shape \(4, 2\)"):
        resample_figures(np.ones((4, 2)), np.ones((1, 4, 2)))


def test_intervals_contain_the_metrics_of_the_original_sequences():
    measured, predicted = columns(rows=300)
    samples = resample_figures(measured, predicted, 400)
    for model, found in zip(predicted, with_intervals(measured, predicted, samples), strict=True):
        assert found.n == 300
        for came, figure in ((found.r, pearson), (found.rho, spearman), (found.mse, mse)):
            assert came.value == figure(measured, model)
            assert came.low < came.value < came.high


def test_interval_of_r_has_the_nominal_width():
    """Fisher's z gives the width of the interval for normal data."""
    random = np.random.default_rng(0)
    x = random.normal(size=2000)
    y = 0.6 * x + 0.8 * random.normal(size=2000)
    (found,) = with_intervals(x, [y], resample_figures(x, [y], 1000))
    wanted = np.tanh(np.arctanh(found.r.value) + 1.96 / np.sqrt(1997) * np.array([-1, 1]))
    np.testing.assert_allclose([found.r.low, found.r.high], wanted, atol=0.01)


def test_difference_of_equal_models_is_zero_and_that_of_a_better_model_is_positive():
    measured, predicted = columns(rows=300)
    samples = resample_figures(measured, [predicted[0], predicted[0], predicted[1]], 200)
    assert all(set(apart) == {0.0} for apart in figure_differences(measured, predicted[0], predicted[0], samples, (0, 1)).values())
    apart = figure_differences(measured, predicted[0], predicted[1], samples, (0, 2))
    assert apart["r"].low > 0
    assert apart["rho"].low > 0
    assert apart["mse"].high < 0
    assert apart["r"].value == pearson(measured, predicted[0]) - pearson(measured, predicted[1])
