"""Draws of groups, compared with simple loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.data.splits.draws import deal_folds, draw_legacy, draw_share

SIZES = st.lists(st.integers(1, 30), min_size=2, max_size=40).map(np.array)


def generator(seed=0):
    return np.random.default_rng(seed)


@given(sizes=SIZES, share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
@settings(deadline=None)
def test_no_further_group_brings_a_draw_closer_to_its_share(sizes, share, seed):
    wanted = min(max(1, round(share * sizes.sum())), int(sizes.sum()) - 1)
    drawn = draw_share(sizes, wanted, generator(seed))
    assert not drawn.all()
    off = abs(sizes[drawn].sum() - wanted)
    rest = np.flatnonzero(~drawn)
    assert len(rest) == 1 or all(abs(sizes[drawn].sum() + sizes[group] - wanted) >= off for group in rest)


@given(sizes=SIZES, share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
@settings(deadline=None)
def test_a_draw_is_closer_than_the_draw_of_earlier_versions(sizes, share, seed):
    wanted = min(max(1, round(share * sizes.sum())), int(sizes.sum()) - 1)
    ours, legacy = (
        abs(sizes[drawn].sum() - wanted) for drawn in (draw_share(sizes, wanted, generator(seed)), draw_legacy(sizes, wanted, seed))
    )
    assert ours <= legacy or draw_legacy(sizes, wanted, seed).all()


def test_groups_that_do_not_fit_are_skipped():
    sizes = np.array([50] * 3 + [1] * 100)
    for seed in range(20):
        assert sizes[draw_share(sizes, 25, generator(seed))].sum() == 25


def test_every_group_of_equal_size_is_drawn_equally_often():
    drawn = sum(draw_share(np.full(20, 3), 12, generator(seed)).astype(int) for seed in range(2000))
    chi_square = ((drawn - 400) ** 2 / (2000 * 0.2 * 0.8)).sum()
    assert chi_square < 43.8  # the 99.9 % point of 19 degrees of freedom


@given(sizes=SIZES, share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_draw_of_earlier_versions_ends_at_the_first_group_that_exceeds_it(sizes, share, seed):
    wanted, total, ours = max(1, round(share * sizes.sum())), 0, []
    for group in generator(seed).permutation(len(sizes)):
        if sizes[group] > wanted:
            continue
        if (total := total + sizes[group]) > wanted:
            break
        ours.append(group)
    assert np.flatnonzero(draw_legacy(sizes, wanted, seed)).tolist() == sorted(ours)


@given(sizes=SIZES, count=st.integers(2, 10), seed=st.integers(0, 99))
@settings(deadline=None)
def test_folds_differ_in_size_by_at_most_the_largest_group(sizes, count, seed):
    folds = deal_folds(sizes, generator(seed).normal(size=len(sizes)), count, generator(seed))
    rows = np.bincount(folds, sizes, count)
    assert rows.sum() == sizes.sum()
    assert rows.max() - rows.min() <= sizes.max()


@pytest.mark.parametrize("size", [1, 10])
def test_folds_of_groups_of_equal_size_have_equal_sizes_and_values(size):
    values = generator().gamma(1, size=500)
    for seed in range(5):
        folds = deal_folds(np.full(500, size), values, 5, generator(seed))
        assert np.bincount(folds).tolist() == [100] * 5
        means = np.array([values[folds == fold].mean() for fold in range(5)])
        assert means.std() < 0.3 * values.std() / np.sqrt(100)  # folds drawn without regard to values differ by one standard error


def test_folds_depend_on_the_seed_only():
    sizes, values = np.array([7, 5, 5, 3, 3, 3, 1, 1, 1]), np.arange(9.0)
    first, again = (deal_folds(sizes, values, 3, generator(1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert any((deal_folds(sizes, values, 3, generator(seed)) != first).any() for seed in range(2, 6))
