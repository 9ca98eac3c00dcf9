import numpy as np
import pytest

from dreamkeras.design.edits import crossed, mutated, single_edits, within_edits


def letters_of(*texts):
    return np.stack([np.frombuffer(text.encode(), np.uint8) for text in texts])


def texts_of(letters):
    return [row.tobytes().decode() for row in letters]


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_single_edits_of_a_short_design():
    source, edited = single_edits(letters_of("ACG", "TTT"), np.array([[True, False, True], [False, True, False]]))
    by_hand = [base + "CG" for base in "CGT"] + ["AC" + base for base in "TAC"] + ["T" + base + "T" for base in "ACG"]
    assert sorted(texts_of(edited)) == sorted(by_hand)
    assert source.tolist() == [0] * 6 + [1] * 3


def test_the_given_number_of_editable_letters_mutates(generator):
    letters, editable = np.repeat(letters_of("ACGTACGTAC"), 500, axis=0), np.tile(np.arange(10) % 2 == 0, (500, 1))
    mutations = np.arange(500) % 8
    differs = mutated(letters, editable, mutations, generator) != letters
    assert not differs[~editable].any()
    np.testing.assert_array_equal(differs.sum(axis=1), np.minimum(mutations, 5))


def test_mutations_are_uniform_over_positions_and_bases(generator):
    letters = np.repeat(letters_of("ACGT"), 12_000, axis=0)
    changed = mutated(letters, np.ones_like(letters, bool), np.ones(12_000, int), generator)
    kinds, counts = np.unique(changed, axis=0, return_counts=True)
    assert len(kinds) == 12
    assert abs(counts - 1000).max() < 130  # four standard deviations


def test_a_child_has_a_segment_of_the_second_parent_within_the_first(generator):
    one, other = (np.repeat(letters_of(text), 2000, axis=0) for text in ("AAAAAAAA", "CCCCCCCC"))
    texts = set(texts_of(crossed(one, other, generator)))
    assert texts == {"A" * first + "C" * (last - first) + "A" * (8 - last) for first in range(9) for last in range(first, 9)}


def test_edits_beyond_the_maximum_are_reverted(generator):
    starts = np.repeat(letters_of("ACGTACGT"), 300, axis=0)
    changed = mutated(starts, np.ones_like(starts, bool), np.arange(300) % 9, generator)
    kept = within_edits(changed, starts, 3, generator)
    np.testing.assert_array_equal((kept != starts).sum(axis=1), np.minimum(np.arange(300) % 9, 3))
    assert ((kept == starts) | (kept == changed)).all()
