"""Regions, windows around them, and overlaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.genome.regions import Regions

LENGTHS = {"chr1": 1000, "chr2": 50}


def regions(*places):
    """Returns regions from tuples (contig, start, end), without summits."""
    contigs, starts, ends = zip(*places, strict=True) if places else ((), (), ())
    starts, ends = np.array(starts, np.int64), np.array(ends, np.int64)
    return Regions(list(contigs), starts, ends, (starts + ends) // 2)


@pytest.mark.parametrize(("length", "start"), [(4, 13), (5, 13), (1, 15), (2114, -1042)])
def test_windows_are_centred_on_middles(length, start):
    windows = regions(("chr1", 10, 20)).windows(length)
    assert (windows.starts.tolist(), windows.ends.tolist(), windows.middles.tolist()) == ([start], [start + length], [15])


def test_on_requires_complete_windows_within_contigs():
    places = regions(("chr1", 0, 1000), ("chr1", -1, 10), ("chr1", 991, 1001), ("chr2", 40, 51), ("chr2", 40, 50))
    assert places.on(LENGTHS).tolist() == [True, False, False, False, True]


def test_the_first_of_equal_regions_is_marked():
    places = regions(("chr1", 0, 5), ("chr2", 0, 5), ("chr1", 0, 5), ("chr1", 0, 6), ("chr1", 0, 5))
    assert places.first_of_each().tolist() == [True, True, False, True, False]


def test_parts_are_joined_and_selected():
    one, other = regions(("chr1", 0, 5), ("chr1", 7, 9)), regions(("chr2", 0, 5))
    joined = Regions.joined([one, other])
    assert joined.names == [*one.names, *other.names]
    assert joined.select(np.array([False, True, True])).names == ["chr1:7-9", "chr2:0-5"]
    assert joined.select(np.array([2, 0])).middles.tolist() == [2, 2]


PLACES = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 40), st.integers(1, 12)), max_size=12)


@given(PLACES, PLACES)
def test_overlaps_equal_a_comparison_of_all_pairs(some, others):
    some, others = ([(name, start, start + size) for name, start, size in places] for places in (some, others))
    by_hand = [any(one[0] == other[0] and one[1] < other[2] and other[1] < one[2] for other in others) for one in some]
    assert regions(*some).overlapping(regions(*others)).tolist() == by_hand


def test_windows_of_windows_have_the_same_middles():
    places = regions(("chr1", 100, 201), ("chr1", 7, 10))
    np.testing.assert_array_equal(places.windows(50).windows(12).starts, places.windows(12).starts)


def test_adjacent_regions_do_not_overlap_and_long_regions_do():
    known = regions(("a", 0, 100), ("a", 10, 20), ("a", 30, 40))
    assert regions(("a", 100, 110), ("a", 95, 99), ("b", 0, 100), ("a", 45, 50)).overlapping(known).tolist() == [False, True, False, True]


def test_empty_regions_have_no_overlaps():
    assert regions(("a", 0, 100)).overlapping(regions()).tolist() == [False]
    assert regions().overlapping(regions(("a", 0, 100))).tolist() == []
