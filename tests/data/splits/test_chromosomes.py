"""Held-out chromosomes, and overlaps between two sets of windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.data.splits.chromosomes import held_chromosomes, shared_windows
from dreamkeras.errors import InputError

HUMAN = dict(
    zip([*range(1, 23), "X"], [82, 70, 59, 50, 49, 51, 46, 43, 41, 43, 43, 41, 24, 27, 26, 28, 32, 20, 28, 22, 11, 14, 30], strict=True)
)
"""Approximate number of peaks of each human chromosome, in thousands."""


def ids_of(counts):
    return [f"chr{name}:{100 * row}-{100 * row + 150}" for name, count in counts.items() for row in range(count)]


def chromosome(name):
    return name.split(":")[0]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.floats(0.01, 0.99), st.integers(0, 9))
def test_complete_chromosomes_are_held_out(counts, fraction, seed):
    ids = ids_of(dict(enumerate(counts)))
    held = held_chromosomes(ids, fraction, seed)
    sides = [{chromosome(name) for name, one in zip(ids, held, strict=True) if one == side} for side in (True, False)]
    assert all(sides)
    assert sides[0].isdisjoint(sides[1])


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_the_held_out_share_of_a_human_genome_is_close_to_the_fraction(fraction):
    shares = [held_chromosomes(ids_of(HUMAN), fraction, seed).mean() for seed in range(20)]
    assert 0.7 * fraction < min(shares)
    assert max(shares) <= 1.25 * fraction
    assert abs(np.mean(shares) - fraction) < 0.1 * fraction


def test_the_smallest_chromosome_is_held_out_if_all_exceed_the_fraction():
    assert held_chromosomes(ids_of({1: 50, 2: 30, 3: 40}), 0.1).sum() == 30


def test_the_selection_depends_on_the_seed_and_not_on_the_order():
    ids = ids_of(dict.fromkeys(range(8), 5))
    held = [{chromosome(name) for name, one in zip(ids, held_chromosomes(ids, 0.1, seed), strict=True) if one} for seed in range(20)]
    assert len(set(map(tuple, held))) > 3
    order = np.random.default_rng(0).permutation(len(ids))
    np.testing.assert_array_equal(held_chromosomes([ids[row] for row in order], 0.1, 3), held_chromosomes(ids, 0.1, 3)[order])


@pytest.mark.parametrize(("ids", "told"), [(ids_of({1: 4}), "chr1"), ([], "no windows")])
def test_a_single_chromosome_cannot_be_split(ids, told):
    with pytest.raises(InputError, match=f"Expected windows on two or more chromosomes, so that one can be held out, got {told}"):
        held_chromosomes(ids, 0.1)


def test_overlapping_windows_are_detected():
    known = ["chr1:100-200", "chr1:500-600", "HLA-A*01:01:5-9"]
    asked = ["chr1:0-100", "chr1:0-101", "chr1:599-700", "chr1:600-700", "chr2:100-200", "HLA-A*01:01:8-20", "chr1:0-900"]
    assert shared_windows(known, asked).tolist() == [False, True, True, False, False, True, True]
    assert shared_windows([], asked).tolist() == [False] * 7
    assert shared_windows(known, []).tolist() == []
