"""The metrics of binary tasks and counts, compared with their definitions and with SciPy."""

import itertools

import numpy as np
import pytest
from scipy import stats

from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics import task_kinds

RANDOM = np.random.default_rng(1)


def test_auroc_is_the_share_of_ordered_pairs_and_that_of_mann_whitney():
    measured, predicted = RANDOM.integers(0, 2, 60), RANDOM.integers(0, 9, 60) / 9
    pairs = itertools.product(predicted[measured == 1], predicted[measured == 0])
    assert task_kinds.auroc(measured, predicted) == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a, b in pairs]))
    u = stats.mannwhitneyu(predicted[measured == 1], predicted[measured == 0]).statistic
    assert task_kinds.auroc(measured, predicted) == pytest.approx(u / (measured.sum() * (60 - measured.sum())))


def test_auprc_is_the_sum_of_precision_over_steps_of_recall():
    measured, predicted = RANDOM.integers(0, 2, 60), RANDOM.integers(0, 9, 60) / 9
    area, recall = 0.0, 0.0
    for threshold in sorted(set(predicted), reverse=True):
        chosen = predicted >= threshold
        found = measured[chosen].sum() / measured.sum()
        area, recall = area + (found - recall) * measured[chosen].mean(), found
    assert task_kinds.auprc(measured, predicted) == pytest.approx(area)


def test_areas_without_both_classes_are_undefined():
    assert np.isnan(task_kinds.auroc(np.ones(3), np.arange(3.0)))
    assert np.isnan(task_kinds.auprc(np.zeros(3), np.arange(3.0)))


def test_fractions_of_at_least_a_half_are_positive():
    assert task_kinds.auroc(np.array([0.2, 0.5, 0.9]), np.array([0.1, 0.3, 0.2])) == 1


def test_explained_deviances_are_those_of_scipy():
    chances, rates = RANDOM.random(200), RANDOM.gamma(2, 3, 200)
    binary, counts = (RANDOM.random(200) < chances).astype(float), RANDOM.poisson(rates).astype(float)
    scales = TaskScale("binary"), TaskScale("counts"), TaskScale()
    measured = np.stack([binary, counts, counts], axis=1)
    predicted = np.stack([chances, rates, rates], axis=1)

    def likelihoods(binary_chance, rate):
        return stats.bernoulli.logpmf(binary, binary_chance).sum(), stats.poisson.logpmf(counts, rate).sum()

    model, null, full = likelihoods(chances, rates), likelihoods(binary.mean(), counts.mean()), likelihoods(binary, counts)
    wanted = [1 - (full[i] - model[i]) / (full[i] - null[i]) for i in range(2)]
    found = task_kinds.explained_deviances(scales, measured, predicted)
    np.testing.assert_allclose(found, [*wanted, np.nan])
    measured[:20] = np.nan
    assert np.isfinite(task_kinds.explained_deviances(scales, measured, predicted)[:2]).all()


def test_explained_deviance_is_1_for_perfect_predictions_0_for_the_mean_and_undefined_for_constant_values():
    values = np.array([[0.0, 0.0], [0.3, 4.0], [1.0, 1.0]])
    scales = TaskScale("binary"), TaskScale("counts")
    np.testing.assert_allclose(task_kinds.explained_deviances(scales, values, values), 1, atol=1e-5)
    np.testing.assert_allclose(task_kinds.explained_deviances(scales, values, np.tile(values.mean(0), (3, 1))), 0, atol=1e-12)
    assert np.isnan(task_kinds.explained_deviances(scales, np.ones((3, 2)), values)).all()


def test_the_metrics_of_a_task_depend_on_its_kind():
    measured, predicted = np.array([0, 1, 1, np.nan, 0]), np.array([0.2, 0.7, 0.9, 0.5, 0.1])
    assert list(task_kinds.kind_figures(TaskScale("binary"), measured, predicted)) == ["auroc", "auprc", "log_loss", "deviance_explained"]
    assert list(task_kinds.kind_figures(TaskScale("counts"), measured, predicted)) == ["deviance_explained"]
    assert task_kinds.kind_figures(TaskScale(), measured, predicted) == {}
    found = task_kinds.kind_figures(TaskScale(transform="log1p"), measured, predicted)
    kept = ~np.isnan(measured)
    assert found == {"transformed_r": pytest.approx(np.corrcoef(np.log1p(measured[kept]), np.log1p(predicted[kept]))[0, 1])}


def test_log_loss_of_certain_wrong_predictions_is_finite():
    assert 10 < task_kinds.log_loss(np.array([1.0]), np.array([0.0])) < 20
