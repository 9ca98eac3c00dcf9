"""Tests of metrics of profiles against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import multinomial

from dreamkeras.errors import InputError
from dreamkeras.statistics.profiles import jensen_shannon, multinomial_nll, profile_figures, shuffled_distance

RNG = np.random.default_rng(0)
SHAPES = RNG.dirichlet(np.ones(50), 40)
READS = np.array([RNG.multinomial(total, shape) for total, shape in zip(RNG.integers(1, 300, 40), SHAPES, strict=True)])


def test_distance_equals_scipy():
    np.testing.assert_allclose(jensen_shannon(READS, SHAPES), jensenshannon(READS, SHAPES, axis=1), rtol=1e-12)


def test_distance_is_symmetric_and_independent_of_scale():
    np.testing.assert_allclose(jensen_shannon(SHAPES * 7, READS * 0.1), jensen_shannon(READS, SHAPES), rtol=1e-12)


def test_distance_of_equal_and_of_disjoint_profiles():
    assert jensen_shannon(READS * 3, READS).max() < 1e-7
    assert jensen_shannon([[1, 2, 0, 0]], [[0, 0, 4, 1]]) == pytest.approx(np.sqrt(np.log(2)))


def test_rows_without_reads_or_predictions_are_nan():
    measured, predicted = np.array([[0, 0], [1, 2], [1, 1]]), np.array([[1, 1], [0, 0], [1, 1]])
    np.testing.assert_array_equal(jensen_shannon(measured, predicted), [np.nan, np.nan, 0])
    np.testing.assert_array_equal(shuffled_distance(measured)[[0, 2]], [np.nan, 0])


def test_distance_of_tiny_and_huge_numbers():
    np.testing.assert_allclose(jensen_shannon(READS * 1e-300, SHAPES * 1e300), jensen_shannon(READS, SHAPES), rtol=1e-9)


def test_likelihood_equals_scipy():
    expected = [-multinomial.logpmf(reads, reads.sum(), shape) for reads, shape in zip(READS, SHAPES, strict=True)]
    np.testing.assert_allclose(multinomial_nll(READS, SHAPES * 5), expected, rtol=1e-9)


def test_likelihood_of_no_reads_is_one():
    assert multinomial_nll([[0, 0]], [[0.3, 0.7]]) == pytest.approx(0)


def test_reads_at_positions_of_probability_zero_have_infinite_nll():
    assert multinomial_nll([[1, 1], [0, 2], [0, 0]], [[0, 1], [0, 1], [0, 0]]).tolist() == [
        np.inf,
        pytest.approx(0),
        pytest.approx(np.nan, nan_ok=True),
    ]


def test_nll_of_fractional_reads_is_between_that_of_integers():
    low, half, high = multinomial_nll([[4, 3], [4.5, 3], [5, 3]], [[0.5, 0.5]] * 3)
    assert min(low, high) < half < max(low, high)


def test_true_profile_has_a_higher_likelihood_than_a_flat_one():
    assert (multinomial_nll(READS, SHAPES) < multinomial_nll(READS, np.ones_like(SHAPES))).mean() > 0.9


def test_shuffles_depend_on_the_seed_and_preserve_reads_per_row():
    np.testing.assert_array_equal(shuffled_distance(READS, 1), shuffled_distance(READS, 1))
    assert (shuffled_distance(READS, 1) != shuffled_distance(READS, 2)).any()
    assert shuffled_distance([[3, 3, 3]]).tolist() == [0]


def test_metrics_are_medians_over_rows_with_reads():
    measured = np.concatenate([READS, np.zeros((5, 50))])
    predicted = np.concatenate([SHAPES, np.ones((5, 50))])
    figures = profile_figures(measured, predicted, 3)
    assert figures["n"] == 40
    assert figures["profile_jsd"] == pytest.approx(np.median(jensenshannon(READS, SHAPES, axis=1)))
    assert figures["profile_jsd_shuffled"] == np.median(shuffled_distance(READS, 3))
    average = (READS / READS.sum(1, keepdims=True)).mean(0)
    assert figures["profile_jsd_average"] == pytest.approx(np.median([jensenshannon(row, average) for row in READS]))
    assert figures["profile_nll"] == pytest.approx(np.median(multinomial_nll(READS, SHAPES)))
    assert figures["profile_jsd"] < figures["profile_jsd_average"] < figures["profile_jsd_shuffled"]


def test_metrics_without_reads_are_nan():
    figures = profile_figures(np.zeros((3, 4)), np.ones((3, 4)))
    assert figures.pop("n") == 0
    assert np.isnan(list(figures.values())).all()


@pytest.mark.parametrize(("measured", "predicted", "message"), [
    (np.ones((2, 3)), np.ones((2, 4)), r"got \(2, 3\) and \(2, 4\)"), (np.ones(3), np.ones(3), r"got \(3,\) and \(3,\)"),
    (-np.ones((2, 3)), np.ones((2, 3)), "Expected measured profiles with finite values of at least 0"),
    (np.ones((2, 3)), -np.ones((2, 3)), r"Expected predicted profiles with finite values of at least 0\. Apply softmax to logits first"),
    (np.full((2, 3), np.nan), np.ones((2, 3)), "Expected measured profiles"),
])  # fmt: skip
@pytest.mark.parametrize("figure", [jensen_shannon, multinomial_nll, profile_figures])
def test_invalid_arrays_are_refused(figure, measured, predicted, message):
    with pytest.raises(InputError, match=message):
        figure(measured, predicted)


PROFILES = st.integers(2, 12).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 9), min_size=size, max_size=size), min_size=2, max_size=2)
)


@given(PROFILES)
def test_distance_of_random_profiles_equals_scipy_and_is_within_bounds(profiles):
    one, other = profiles
    distance = float(jensen_shannon([one], [other])[0])
    assert distance == float(jensen_shannon([other], [one])[0]) or np.isnan(distance)
    if any(one) and any(other):
        assert 0 <= distance <= np.sqrt(np.log(2)) + 1e-12
        assert distance == pytest.approx(np.nan_to_num(jensenshannon(one, other)), abs=1e-7)
    else:
        assert np.isnan(distance)


@given(st.lists(st.integers(0, 9), min_size=3, max_size=3), st.lists(st.floats(0.1, 1), min_size=3, max_size=3))
def test_likelihood_of_random_profiles_equals_scipy(reads, weights):
    probabilities = np.array(weights) / sum(weights)
    expected = -multinomial.logpmf(reads, sum(reads), probabilities)
    assert float(multinomial_nll([reads], [weights])[0]) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_metrics_do_not_depend_on_the_order_of_positions():
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_allclose(jensen_shannon(READS[:, order], SHAPES[:, order]), jensen_shannon(READS, SHAPES), rtol=1e-12)
    np.testing.assert_allclose(multinomial_nll(READS[:, order], SHAPES[:, order]), multinomial_nll(READS, SHAPES), rtol=1e-12)


def test_metrics_of_the_true_profile_improve_with_the_number_of_reads():
    few, many = (np.array([RNG.multinomial(total, shape) for shape in SHAPES]) for total in (30, 3000))
    assert profile_figures(many, SHAPES)["profile_jsd"] < profile_figures(few, SHAPES)["profile_jsd"] / 3


def test_the_average_profile_has_distance_zero_if_all_rows_are_equal():
    reads = RNG.multinomial(500, SHAPES[0], 30)
    figures = profile_figures(reads, np.broadcast_to(SHAPES[0], reads.shape))
    assert figures["profile_jsd"] == pytest.approx(figures["profile_jsd_average"], rel=0.1)
