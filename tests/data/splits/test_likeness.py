"""Differences between held-out and other values, compared with NumPy, SciPy and complete enumeration."""

import itertools

import numpy as np
import pytest
from scipy import stats

from dreamkeras.data.splits.likeness import CHANCE, QUANTILES, Likeness


def plain_errors(values, held):
    """Returns the seven differences in standard errors, term by term."""
    values = values.astype(np.float64)
    centred = (values - values.mean()) ** 2
    cuts = [np.sort(values)[int(np.ceil(share * len(values))) - 1] for share in QUANTILES]
    found = []
    for terms in (values, centred, *(values <= cut for cut in cuts)):
        terms = np.asarray(terms, np.float64)
        apart = terms[held].mean() - terms[~held].mean()
        found.append(apart / (np.std(terms, ddof=1) * np.sqrt(1 / held.sum() + 1 / (~held).sum())))
    return found


def drawn(count, size, random):
    held = np.zeros(count, bool)
    held[random.permutation(count)[:size]] = True
    return held


def test_differences_equal_those_of_plain_numpy():
    random = np.random.default_rng(0)
    targets = np.column_stack([random.gamma(2, size=200), 1e4 + random.normal(size=200)])
    held = drawn(200, 30, random)
    np.testing.assert_allclose(Likeness(targets).errors(held), [plain_errors(column, held) for column in targets.T], rtol=1e-6)


def test_the_standard_error_is_exact_over_all_draws():
    values = np.random.default_rng(1).gamma(1, size=11)
    likeness = Likeness(values[:, None])
    errors = [likeness.errors(np.isin(np.arange(11), rows))[0] for rows in itertools.combinations(range(11), 3)]
    np.testing.assert_allclose(np.mean(errors, 0), 0, atol=1e-9)
    np.testing.assert_allclose(np.mean(np.square(errors), 0), 1, rtol=1e-9)


@pytest.mark.parametrize(("tasks", "comparisons"), [(1, 1), (2, 1), (3, 5)])
def test_the_limit_has_bonferronis_correction(tasks, comparisons):
    likeness = Likeness(np.zeros((4, tasks)), comparisons)
    assert likeness.limit == pytest.approx(stats.norm.isf(CHANCE / 2 / (7 * tasks * comparisons)))


def test_random_draws_are_accepted():
    random = np.random.default_rng(2)
    likeness = Likeness(random.normal(size=(1000, 2)))
    rejected = np.mean([likeness.differences(drawn(1000, 100, random)).max() > 1 for _ in range(1000)])
    assert rejected <= 0.02


def test_sets_with_another_mean_spread_or_tail_are_not_accepted():
    values = np.random.default_rng(3).normal(size=2000)
    order = np.argsort(values)
    for rows, statistic in ((order[1200:1400], "mean"), (np.argsort(np.abs(values))[:200], "spread")):
        likeness, held = Likeness(values[:, None]), np.isin(np.arange(2000), rows)
        assert likeness.differences(held).max() > 1
        assert np.abs(likeness.errors(held)[0, ["mean", "spread"].index(statistic)]) > likeness.limit


def test_negligible_differences_in_large_sets_are_accepted():
    values = np.random.default_rng(4).normal(size=200_000)
    held = np.arange(200_000) < 50_000
    values[held] += 0.03
    likeness = Likeness(values[:, None])
    assert np.abs(likeness.errors(held)).max() > likeness.limit
    assert likeness.differences(held).max() <= 1


def test_missing_values_are_ignored():
    random = np.random.default_rng(5)
    values, held = random.normal(size=100), drawn(100, 20, random)
    missing = random.random(100) < 0.3
    with_gaps = np.where(missing, np.nan, values)[:, None]
    np.testing.assert_allclose(Likeness(with_gaps).errors(held)[0], plain_errors(values[~missing], held[~missing]), rtol=1e-9)


def test_a_task_without_held_out_values_is_not_accepted():
    targets = np.where(np.arange(200) < 100, 1.0 * np.arange(200), np.nan)[:, None]
    likeness = Likeness(targets)
    assert np.isinf(likeness.differences(np.arange(200) >= 150)).all()
    assert likeness.describe_worst(np.arange(200) >= 150) == (0, "would have values in one set only")
    rare = Likeness(np.where(np.arange(200) < 2, 1.0 * np.arange(200), np.nan)[:, None])
    assert (rare.differences(np.arange(200) >= 150) == 0).all()  # two values are both in the training set by chance


@pytest.mark.parametrize("targets", [np.ones((50, 1)), np.full((50, 1), np.nan), np.full((50, 2), 1e30), np.zeros((50, 0))])
def test_values_without_spread_do_not_differ(targets):
    assert (Likeness(targets.astype(np.float32)).differences(np.arange(50) < 5) == 0).all()


def test_binary_values_are_compared_by_their_share():
    values = (np.arange(1000) % 2).astype(np.float32)
    held = values == 1
    likeness = Likeness(values[:, None])
    task, text = likeness.describe_worst(held)
    assert task == 0
    assert text.startswith("would differ in its ")
    held[:50] = True
    terms = values.astype(float)
    apart = terms[held].mean() - terms[~held].mean()
    assert likeness.errors(held)[0, 0] == pytest.approx(apart / (terms.std(ddof=1) * np.sqrt(1 / held.sum() + 1 / (~held).sum())))
