import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.scoring.distinct import distinct_rows


@given(st.lists(st.tuples(st.text("ACG", min_size=9, max_size=9), st.sampled_from(["AC", "GT"])), min_size=1, max_size=12))
def test_agrees_with_a_dictionary(pairs):
    windows = [np.array([list(pair[side].encode()) for pair in pairs], np.uint8) for side in (0, 1)]
    wanted = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    came = distinct_rows(windows)
    if len(wanted) == len(pairs):
        assert came is None
    else:
        first, places = came
        assert [pairs[i] for i in first] == list(wanted)
        assert places.tolist() == [wanted[pair] for pair in pairs]


def test_one_letter_makes_a_difference_wherever_it_stands():
    letters = np.full((151, 150), ord("A"), np.uint8)
    letters[np.arange(150), np.arange(150)] = ord("C")
    assert distinct_rows([letters]) is None
    assert distinct_rows([letters[[0, 1, 0, 150]]])[1].tolist() == [0, 1, 0, 2]


def test_letters_that_change_places_are_told_apart():
    """Sums of words would be the same."""
    words = [b"ACGTACGT", b"TTTTTTTT", b"GGGGGGGG"]
    rows = [b"".join(words[i] for i in order) for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1))]
    assert distinct_rows([np.frombuffer(b"".join(rows), np.uint8).reshape(4, 24)]) is None


@pytest.mark.parametrize("length", [110, 2114])
def test_costs_a_small_part_of_scoring(length):
    """A model takes 20 microseconds a window at the least."""
    letters = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (8192, length))
    began = time.process_time()
    assert distinct_rows([letters]) is None
    assert time.process_time() - began < 8192 * 20e-6 * (length / 110) * 0.5
