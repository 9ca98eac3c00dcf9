"""Hold-outs of four kinds of libraries: families are kept together where the hold-out then represents the data."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import KINDS, as_examples, library

from dreamkeras.data.splits.choice import choose_folds, choose_hold_out
from dreamkeras.data.splits.families import Families, Groups
from dreamkeras.data.splits.hold_out import deal_examples, draw_hold_out, split
from dreamkeras.data.splits.likeness import Likeness
from dreamkeras.data.splits.overlap import overlap
from dreamkeras.data.splits.similar import family_keys
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import reverse_complement

TOGETHER = [kind for kind in KINDS if kind != "designs"]


def families_of(count, size, effect=0.0, seed=0):
    """Returns families of near-duplicates: `size` copies of each of `count` sequences, with two changed bases."""
    random = np.random.default_rng(seed)
    letters = np.repeat(np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, (count, 100))], size, axis=0)
    rows = np.arange(len(letters))
    for _ in range(2):
        letters[rows, random.integers(0, 100, len(rows))] = ord("A")
    parts = rows // size
    return as_examples(letters, random.normal(size=len(rows)) + effect * random.normal(size=count)[parts]), parts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_hold_out_of_each_kind_of_library_looks_like_the_rest(kind, seed):
    examples, parts = library(kind, 2000, seed)
    held, method = choose_hold_out(examples, 0.1, seed, "auto")
    assert held.sum() == 200
    values = examples.targets[:, 0].astype(float)
    assert abs(values[held].mean() - values[~held].mean()) < 3.5 * values.std() * np.sqrt(1 / 200 + 1 / 1800)
    assert abs(np.log(values[held].std() / values[~held].std())) < 0.2
    crossing = np.isin(parts[held], parts[~held]).mean()
    if kind == "designs":
        assert (method.name, method.families, crossing) == ("random", 8, 1)
        assert method.reason.startswith("4 families of similar sequences hold ")
    else:
        assert (method.name, method.reason, method.families, crossing) == ("similar", "", parts.max() + 1, 0)
        assert sum(overlap(examples.select(~held), examples.select(held))) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_changes_the_hold_out_and_the_folds(kind):
    examples, _ = library(kind, 1000)
    for draw in (lambda seed: draw_hold_out(examples, 0.1, seed, "auto").rows, lambda seed: deal_examples(examples, 5, seed, "auto").rows):
        first, again, other = (draw(seed) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert (first != other).mean() > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_folds_of_each_kind_of_library_have_equal_sizes_and_values(kind):
    examples, parts = library(kind, 2000)
    folds, method = choose_folds(examples, 5, 0, "auto")
    assert np.bincount(folds).tolist() == [400] * 5
    assert method.name == ("random" if kind == "designs" else "similar")
    assert all(Likeness(examples.targets).differences(folds == fold).max() < 1 for fold in range(5))
    together = [len(np.unique(folds[parts == part])) == 1 for part in np.unique(parts)]
    assert all(together) if kind in TOGETHER else not any(together)


SIZES = st.lists(st.integers(1, 12), min_size=2, max_size=25)


@given(sizes=SIZES, share=st.floats(0.05, 0.6), seed=st.integers(0, 50), count=st.integers(2, 5))
@settings(deadline=None, max_examples=40)
def test_no_family_is_divided_by_the_rule_similar(sizes, share, seed, count):
    examples, parts = families_of(len(sizes), max(sizes), seed=seed)
    kept = np.flatnonzero(np.arange(len(parts)) % max(sizes) < np.array(sizes)[parts])
    examples, parts = examples.select(kept), parts[kept]
    for draw in (lambda: choose_hold_out(examples, share, seed, "similar"), lambda: choose_folds(examples, count, seed, "similar")):
        try:
            rows, method = draw()
        except InputError:
            continue
        assert (method.name, method.families, method.largest) == ("similar", len(sizes), np.bincount(parts).max())
        assert all(len(np.unique(rows[parts == part])) == 1 for part in np.unique(parts))


@given(seed=st.integers(0, 50), copies=st.integers(1, 4), share=st.floats(0.05, 0.6))
@settings(deadline=None, max_examples=30)
def test_copies_and_reverse_complements_stay_together_in_a_random_hold_out(seed, copies, share):
    examples, _ = families_of(30, 5, seed=seed)
    letters = np.concatenate([reverse_complement(examples.letters) if copy % 2 else examples.letters for copy in range(copies)])
    examples = as_examples(letters, np.arange(len(letters)))
    held, method = choose_hold_out(examples, share, seed, "random")
    assert method.name == "random"
    assert method.reason == ""
    assert abs(held.sum() - share * len(held)) <= copies * 5
    _, sequences = np.unique(np.minimum(*(_numbers(side) for side in (letters, reverse_complement(letters)))), return_inverse=True)
    assert all(len(np.unique(held[sequences == number])) == 1 for number in range(sequences.max() + 1))


def _numbers(letters):
    """Returns a number for each row of letters, which is equal for equal rows of any array."""
    return np.array([int.from_bytes(row.tobytes(), "big") for row in letters], object)


def test_random_hold_outs_divide_families():
    examples, parts = families_of(40, 20)
    held, _ = choose_hold_out(examples, 0.1, 0, "random")
    assert held.sum() == 80
    assert len(np.unique(parts[held])) > 20


@pytest.mark.parametrize(("count", "size", "few"), [
    (1, 20, "1 family of similar sequences holds 100 % of the sequences"),
    (8, 20, "5 families of similar sequences hold 62 % of the sequences"),
    (19, 20, "10 families of similar sequences hold 53 % of the sequences"),
    (20, 20, ""), (50, 20, ""), (5, 1, ""),
])  # fmt: skip
def test_few_families_hold_more_than_half_of_the_rows(count, size, few):
    similar = Groups(np.repeat(np.arange(count), size), np.full(count, size))
    copies = Groups(np.arange(count * size), np.ones(count * size, int))
    assert Families(copies, similar, similar.sizes).describe_few() == few


def test_copies_of_few_sequences_are_not_families_of_similar_sequences():
    examples = as_examples(np.repeat(np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, (8, 60))], 10, 0), range(80))
    assert choose_hold_out(examples, 0.1, 0, "auto").method[:2] == ("similar", "")


def test_families_are_divided_if_their_share_is_wrong():
    examples, _ = families_of(30, 20)
    held, method = choose_hold_out(examples, 0.01, 0, "auto")
    assert held.sum() == 6
    assert method[:2] == ("random", "the hold-out would contain 0.0 % instead of 1.0 % of the sequences")
    with pytest.raises(InputError, match=r"Cannot hold out a share of 0\.01: near-duplicates must be in the same set"):
        choose_hold_out(examples, 0.01, 0, "similar")


def test_families_are_divided_if_their_values_differ():
    examples, _ = families_of(22, 40, effect=50)
    held, method = choose_hold_out(examples, 0.05, 0, "auto", ("activity",))
    assert method.name == "random"
    assert method.reason.startswith("activity in the hold-out would differ in its ")
    assert " standard errors (limit 3.2)" in method.reason
    assert Likeness(examples.targets).differences(held).max() < 1


def test_folds_of_few_families_are_drawn_at_random_or_unequal():
    examples, _ = families_of(3, 40)
    folds, method = choose_folds(examples, 4, 0, "auto")
    assert np.bincount(folds).tolist() == [30] * 4
    assert method.reason == "2 families of similar sequences hold 67 % of the sequences"
    with pytest.raises(InputError, match="Cannot divide the 120 examples into 4 folds: near-duplicates must be in the same fold"):
        choose_folds(examples, 4, 0, "similar")


def test_hold_outs_and_folds_of_earlier_versions_are_drawn_again():
    examples, _ = families_of(30, 7)
    keys = family_keys(examples.letters, examples.lengths, examples.construct)
    wanted, seed, total, drawn = 42, 3, 0, []
    names = np.unique(keys)
    for place in np.random.default_rng(seed).permutation(len(names)):
        if (total := total + (keys == names[place]).sum()) > wanted:
            break
        drawn.append(names[place])
    np.testing.assert_array_equal(draw_hold_out(examples, 0.2, seed, "legacy").rows, np.isin(keys, drawn))
    np.testing.assert_array_equal(deal_examples(examples, 5, seed, "legacy").rows == 0, np.isin(keys, drawn))


def test_the_rule_is_checked():
    with pytest.raises(InputError, match="Expected holdout to be one of auto, similar, random, got 'greedy'"):
        split(families_of(5, 2)[0], 0.2, 0, "greedy")


@pytest.mark.parametrize("kind", ["designs", "random"])
def test_a_large_library_is_divided_in_seconds(kind):
    examples, _ = library(kind, 100_000)
    start = time.process_time()
    choose_hold_out(examples, 0.1, 0, "auto")
    assert time.process_time() - start < 8  # 1.6 s and 0.3 s on an AMD EPYC, of which the search for families takes 1.5 s and 0.2 s


def test_large_libraries_are_dealt_to_folds_in_seconds():
    examples, _ = library("random", 100_000)
    start = time.process_time()
    choose_folds(examples, 5, 0, "auto")
    assert time.process_time() - start < 5
