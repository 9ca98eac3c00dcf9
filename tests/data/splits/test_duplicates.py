"""Hash keys of double-stranded DNA."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.data.splits.duplicates import duplex_keys
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged

TURN = str.maketrans("ACGTNacgtn", "TGCANtgcan")
OTHERS = [
    Construct("left", 60, left_adapter="ACGTT", right_adapter="GGATC", alignment="left"),
    Construct("center", 60, left_adapter="ACGTT", right_adapter="GGATC", left_flank="TTGACGTT", right_flank="CCGTA", alignment="center"),
    Construct("bare", 60),
]


def turned(sequence):
    return sequence[::-1].translate(TURN)


def windows(*sequences):
    return np.array([list(sequence.encode()) for sequence in sequences], np.uint8)


def inserts(count, length, seed=0):
    return ["".join(row) for row in np.random.default_rng(seed).choice(list("ACGT"), (count, length))]


def keys_in(construct, sequences):
    ragged = Ragged.from_strings(sequences)
    return duplex_keys(construct.windows(ragged), ragged.lengths, construct)


@given(st.lists(st.text("ACGTN", min_size=12, max_size=12), min_size=1, max_size=8))
def test_keys_are_equal_if_and_only_if_the_dna_is(sequences):
    keys = duplex_keys(windows(*sequences))
    for i, one in enumerate(sequences):
        for j, other in enumerate(sequences):
            assert (keys[i] == keys[j]) == (one in (other, turned(other)))


@given(st.text("ACGTN", min_size=1, max_size=40))
def test_both_strands_have_equal_keys_in_any_case(sequence):
    keys = duplex_keys(windows(sequence, turned(sequence), sequence.lower(), turned(sequence).lower()))
    assert len(set(keys.tolist())) == 1


def test_u_is_treated_as_t():
    keys = duplex_keys(windows("ACGUU", "ACGTT", "aacgu"))
    assert keys[0] == keys[1] == keys[2]


def test_a_single_letter_changes_the_key_at_every_position():
    original = windows(inserts(1, 150)[0])
    changed = np.repeat(original, 450, 0)
    for position in range(150):
        others = [code for code in b"ACGT" if code != original[0, position]]
        changed[3 * position : 3 * position + 3, position] = others
    assert len(np.unique(np.vstack([duplex_keys(original)[:, None], duplex_keys(changed)[:, None]]))) == 451


def test_distinct_sequences_have_distinct_keys():
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, (100_000, 30))]
    assert len(np.unique(duplex_keys(letters))) == 100_000
    assert np.array_equal(duplex_keys(letters), duplex_keys(reverse_complement(letters)))


@pytest.mark.parametrize("construct", [YEAST, *OTHERS], ids=lambda construct: construct.name)
@pytest.mark.parametrize("length", [20, 41])
def test_reverse_complemented_inserts_have_equal_keys(construct, length):
    left, right = construct.left_adapter, construct.right_adapter
    forward = [left + insert + right for insert in inserts(20, length)]
    backward = [left + turned(insert) + right for insert in inserts(20, length)]
    assert np.array_equal(keys_in(construct, forward), keys_in(construct, backward))
    assert len(np.unique(keys_in(construct, forward))) == 20


@pytest.mark.parametrize("construct", [YEAST, *OTHERS], ids=lambda construct: construct.name)
def test_keys_do_not_depend_on_adapters_and_case(construct):
    bare = inserts(20, 30)
    full = [construct.left_adapter + insert + construct.right_adapter for insert in bare]
    lower = [turned(sequence).lower() for sequence in bare]
    assert np.array_equal(keys_in(construct, bare), keys_in(construct, full))
    assert np.array_equal(keys_in(construct, bare), keys_in(construct, lower))


def test_shifted_inserts_have_different_keys():
    insert = inserts(1, 79)[0]
    keys = keys_in(YEAST, ["A" + insert, insert + "A", insert])
    assert len(set(keys.tolist())) == 3


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_keys_do_not_depend_on_batches(data):
    sequences = data.draw(st.lists(st.text("ACGT", min_size=1, max_size=120), min_size=1, max_size=10))
    together = keys_in(YEAST, sequences)
    alone = [int(keys_in(YEAST, [sequence])[0]) for sequence in sequences]
    assert together.tolist() == alone


def test_empty_input_gives_no_keys():
    assert duplex_keys(np.empty((0, 150), np.uint8)).shape == (0,)
