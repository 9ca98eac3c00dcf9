"""Ridge regression, compared with scikit-learn, with linear equations and with explicit leave-one-out cross-validation."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV

from dreamkeras.statistics import ridge
from dreamkeras.statistics.ridge import fit_ridge, leave_one_out_errors


def example(rows=60, features=8, tasks=2, seed=0):
    """Counts, and values that depend on them."""
    random = np.random.default_rng(seed)
    counts = random.poisson(3, (rows, features)).astype(np.uint16)
    return counts, counts @ random.normal(size=(features, tasks)) + random.normal(0, 2, (rows, tasks)) + 5


def solution(features, targets, weights, penalty):
    """Solves the linear equations of a ridge regression with an intercept, for one task."""
    wide = np.column_stack([np.ones(len(features)), features]).astype(float)
    scale = np.diag([0, *[penalty] * features.shape[1]])
    return np.linalg.solve(wide.T @ (weights[:, None] * wide) + scale, wide.T @ (weights * targets))


def test_coefficients_solve_the_linear_equations_with_weights_and_missing_values():
    features, targets = example()
    targets[::5, 1] = np.nan
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    weights[7] = 0
    targets[7] = 1e6  # a row with weight 0 has no effect
    fit = fit_ridge(features, targets, weights)
    for task in range(2):
        kept = ~np.isnan(targets[:, task])
        scaled = weights[kept] * ((weights[kept] > 0).sum() / weights[kept].sum())
        expected = solution(features[kept], targets[kept, task], scaled, fit.penalties[task])
        np.testing.assert_allclose([fit.intercepts[task], *fit.coefficients[:, task]], expected, rtol=1e-8)


def test_predictions_equal_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(ridge, "ROWS", 7)
    features, targets = example(rows=40)
    fit = fit_ridge(features, targets)
    other = Ridge(alpha=fit.penalties).fit(features, targets)
    np.testing.assert_allclose(fit.predict(features), other.predict(features), rtol=1e-8)
    assert fit.predict(features[:0]).shape == (0, 2)


def explicit_errors(features, targets, penalties):
    """Mean squared errors of leave-one-out cross-validation, with one fit for each row."""
    errors = np.empty((len(penalties), len(features)))
    for place, penalty in enumerate(penalties):
        for row in range(len(features)):
            rest = np.arange(len(features)) != row
            found = solution(features[rest], targets[rest], np.ones(rest.sum()), penalty)
            errors[place, row] = (found[0] + features[row] @ found[1:] - targets[row]) ** 2
    return errors.mean(1)


def closed_errors(features, targets, penalties):
    centred, deviations = features - features.mean(0), targets - targets.mean()
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return leave_one_out_errors(values, vectors.T @ centred.T @ deviations, deviations @ deviations, len(targets), penalties)


def test_errors_with_equal_leverages_equal_explicit_leave_one_out():
    features = np.kron(np.eye(4), np.ones((3, 1)))  # a group of three rows for each feature
    targets = np.random.default_rng(2).normal(size=12)
    penalties = np.array([0.1, 1, 10])
    np.testing.assert_allclose(closed_errors(features, targets, penalties), explicit_errors(features, targets, penalties), rtol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_errors_and_penalties_are_close_to_explicit_leave_one_out(seed):
    features, targets = example(rows=80, tasks=1, seed=seed)
    penalties = np.logspace(-1, 3, 9)
    closed, explicit = (errors(features, targets[:, 0], penalties) for errors in (closed_errors, explicit_errors))
    np.testing.assert_allclose(closed, explicit, rtol=0.06)
    cross_validated = RidgeCV(alphas=fit_ridge(features, targets).penalties * np.array([0.01, 1, 100])).fit(features, targets[:, 0])
    assert cross_validated.alpha_ == pytest.approx(fit_ridge(features, targets).penalties[0])


@pytest.mark.parametrize("features", [np.ones((6, 3)), np.zeros((6, 0))])
def test_without_informative_features_the_mean_is_predicted(features):
    fit = fit_ridge(features, np.arange(6.0)[:, None])
    assert fit.predict(features[:1]).tolist() == [[2.5]]
    assert fit.penalties.tolist() == [np.inf]


def test_tasks_with_few_equal_or_no_values():
    features, targets = example(rows=20, tasks=3)
    targets[2:, 0] = np.nan
    targets[:, 1] = 4
    targets[:, 2] = np.nan
    predicted = fit_ridge(features, targets).predict(features)
    np.testing.assert_allclose(predicted, np.tile([targets[:2, 0].mean(), 4, 0], (20, 1)), rtol=1e-6)


def test_noise_has_a_large_penalty():
    random = np.random.default_rng(0)
    features = random.poisson(3, (200, 30))
    noise = fit_ridge(features, random.normal(size=(200, 1)))
    signal = fit_ridge(features, features[:, :1] + random.normal(0, 0.1, (200, 1)))
    assert noise.penalties[0] > 100 * signal.penalties[0]
