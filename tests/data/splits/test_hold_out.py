"""Hold-outs share no sequence with the training data."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_examples import make_examples, random_sequences, rows, turned

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.duplicates import duplex_keys
from dreamkeras.data.splits.hold_out import fold_split, split
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST


@given(sequences=st.lists(st.text("ACGTacgt", min_size=4, max_size=4), min_size=2, max_size=40), seed=st.integers(0, 99))
@settings(deadline=None)
def test_no_sequence_is_in_both_sets_on_either_strand(sequences, seed):
    examples = make_examples(sequences)
    try:
        train, valid = split(examples, 0.3, seed)
    except InputError:
        return
    assert sorted(rows(train) + rows(valid)) == list(range(len(sequences)))
    for one, other in itertools.product(rows(train), rows(valid)):
        assert sequences[one].upper() not in (sequences[other].upper(), turned(sequences[other]))


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.5, 0.9])
def test_the_fraction_is_met_exactly_without_duplicates(fraction):
    train, valid = split(make_examples(random_sequences(1000)), fraction, 1)
    assert (len(train), len(valid)) == (1000 - round(1000 * fraction), round(1000 * fraction))


def test_the_fraction_is_met_to_within_a_group_of_duplicates():
    sequences = random_sequences(300)
    copies = [sequence for number, sequence in enumerate(sequences) for _ in range(1 + number % 7)]
    for seed in range(10):
        _, valid = split(make_examples(copies), 0.2, seed)
        assert 0.2 * len(copies) - 7 <= len(valid) <= 0.2 * len(copies) + 1


def test_a_very_large_group_of_duplicates_is_in_the_training_set():
    train, valid = split(make_examples(["ACGTTGCATT"] * 80 + random_sequences(20, 10)), 0.1, 0)
    assert len(valid) == 10
    assert len(train) == 90


def test_both_sets_keep_the_order_of_the_file():
    train, valid = split(make_examples(random_sequences(100)), 0.2, 3)
    assert rows(train) == sorted(rows(train))
    assert rows(valid) == sorted(rows(valid))


def test_the_split_depends_on_the_seed():
    examples = make_examples(random_sequences(200))
    first, again, other = (rows(split(examples, 0.2, seed)[1]) for seed in (5, 5, 6))
    assert first == again
    assert first != other
    assert rows(split(examples, 0.2)[1]) == rows(split(examples, 0.2, 0)[1])


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    examples = make_examples(random_sequences(200))
    shuffled = examples.select(np.random.default_rng(0).permutation(200))
    assert set(split(examples, 0.2, 5)[1].ids) == set(split(shuffled, 0.2, 5)[1].ids)


def test_every_example_is_held_out_with_equal_probability():
    examples = make_examples(random_sequences(50))
    held = np.zeros(50)
    for seed in range(400):
        held[rows(split(examples, 0.2, seed)[1])] += 1
    chi_square = ((held - 80) ** 2 / (400 * 0.2 * 0.8)).sum()
    assert chi_square < 85.4  # the 99.9 % point of 49 degrees of freedom


def test_reverse_complements_within_the_yeast_construct_stay_together():
    inserts = random_sequences(200, 80)
    sequences = [YEAST.left_adapter + insert + YEAST.right_adapter for insert in inserts + [turned(insert) for insert in inserts]]
    train, valid = split(make_examples(sequences, YEAST), 0.25, 0)
    assert len(valid) == 100
    assert {row % 200 for row in rows(train)}.isdisjoint({row % 200 for row in rows(valid)})


def test_variants_of_a_reference_stay_together():
    references = random_sequences(20, 80)
    variants = [reference[:place] + "A" + reference[place + 1 :] for reference in references for place in range(80)]
    train, valid = split(make_examples(variants), 0.25, 0)
    assert len(valid) == 400
    assert {row // 80 for row in rows(train)}.isdisjoint({row // 80 for row in rows(valid)})


def test_without_near_duplicates_the_split_depends_on_duplicates_only(monkeypatch):
    examples = make_examples(random_sequences(500, 80) * 2)
    held = rows(split(examples, 0.2, 7)[1])
    monkeypatch.setattr("dreamkeras.data.splits.families.copy_and_family_keys", lambda *windows: (duplex_keys(*windows),) * 2)
    assert rows(split(examples, 0.2, 7)[1]) == held


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_fractions_out_of_range_are_rejected(fraction):
    with pytest.raises(InputError, match="fraction between 0 and 1, got"):
        split(make_examples(random_sequences(10)), fraction, 0)


def test_negative_seeds_are_rejected():
    with pytest.raises(InputError, match="seed of 0 or more, got -1"):
        split(make_examples(random_sequences(10)), 0.1, -1)


@pytest.mark.parametrize("sequences", [["ACGG"], ["ACGG", "ACGG"], ["ACGG", "CCGT"], ["ACGG", "acgg", "CCGT"]])
def test_one_sequence_cannot_be_split(sequences):
    with pytest.raises(InputError, match=f"distinct sequences in the {len(sequences)} examples is only 1"):
        split(make_examples(sequences), 0.5, 0)


def test_no_examples_cannot_be_split():
    with pytest.raises(InputError, match="distinct sequences in the 0 examples is only 0"):
        split(make_examples(random_sequences(2)).select(np.array([], int)), 0.5, 0)


def test_folds_split_by_their_number():
    train, valid = fold_split(make_examples(random_sequences(6), folds=[0, 1, 2, 0, 1, 2]), 1)
    assert rows(train) == [0, 2, 3, 5]
    assert rows(valid) == [1, 4]


@pytest.mark.parametrize(("chromosome", "held"), [("chr2L", [0, 2]), ("chr2", [3]), ("X", [4, 5])])
def test_chromosomes_are_taken_from_ids(chromosome, held):
    names = ["chr2L_100_348_+", "chr2R_5_253_-", "chr2L:7-255", "chr2-1-249", "X:1-249", "X"]
    train, valid = fold_split(replace(make_examples(random_sequences(6)), ids=names), chromosome)
    assert rows(valid) == held
    assert sorted(rows(train) + rows(valid)) == list(range(6))


@pytest.mark.parametrize("chromosome", ["chr3", "p"])
def test_unknown_chromosomes_are_rejected(chromosome):
    with pytest.raises(InputError, match=f"Expected some ids that begin with {chromosome} and some that do not, got 0 of 3 that do"):
        fold_split(make_examples(random_sequences(3)), chromosome)


@pytest.mark.parametrize(("folds", "fold", "message"), [
    (None, 0, "the data have no fold column"),
    ([0, 1, 1], 2, "Expected fold 2 and at least one other fold, got folds: 0, 1"),
    ([3, 3, 3], 3, "Expected fold 3 and at least one other fold, got folds: 3"),
])  # fmt: skip
def test_folds_with_an_empty_side_are_rejected(folds, fold, message):
    with pytest.raises(InputError, match=message):
        fold_split(make_examples(random_sequences(3), folds=folds), fold)


def test_folds_split_by_their_text():
    train, rest = fold_split(make_examples(random_sequences(4), folds=["train", "val", "test", "val"]), "val")
    assert (rows(train), rows(rest)) == ([0, 2], [1, 3])


def test_texts_of_a_fold_column_are_not_looked_up_in_ids():
    examples = replace(make_examples(random_sequences(2), folds=["train", "test"]), ids=["val:1", "x"])
    with pytest.raises(InputError, match="Expected fold val and at least one other fold, got folds: test, train"):
        fold_split(examples, "val")


def test_texts_are_looked_up_in_ids_if_folds_are_numbers():
    examples = replace(make_examples(random_sequences(2), folds=[0, 1]), ids=["chr1:1", "chr2:1"])
    assert rows(fold_split(examples, "chr2")[1]) == [1]
    with pytest.raises(InputError, match=r"begin with chr3 .* The folds of the data are 0, 1"):
        fold_split(examples, "chr3")


def test_a_large_library_splits_in_seconds():
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, (100_000, 150), np.uint8)]
    count = len(letters)
    narrow = np.zeros((count, 1), np.float32)
    examples = Examples([""] * count, letters, narrow, narrow, np.full(count, 150, np.int32))
    start = time.process_time()
    split(examples, 0.1, 0)
    assert time.process_time() - start < 3  # 6.7 million sequences then take minutes, even on a slow machine
