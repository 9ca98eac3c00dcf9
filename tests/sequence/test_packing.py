import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.packing import is_packed, left_packed, unpacked
from dreamkeras.sequence.ragged import Ragged

BOTH = Construct("table", 12, alignment="left", strands="both", flags=())


@given(st.lists(st.text("ACGTNacgtn", min_size=1, max_size=12), min_size=1, max_size=5))
def test_both_strands_of_a_sequence_give_equal_pairs_of_windows(sequences):
    windows = BOTH.surround(Ragged.from_strings(sequences))
    turned = BOTH.surround(
        Ragged.from_strings([reverse_complement(np.frombuffer(s.encode(), np.uint8)).tobytes().decode() for s in sequences])
    )
    for one, other in ((windows, turned), (turned, windows)):
        assert (left_packed(reverse_complement(one)) | 0x20).tolist() == (left_packed(other) | 0x20).tolist()


@given(st.text("ACGTN", min_size=1, max_size=12))
def test_scores_return_to_the_positions_of_their_letters(sequence):
    window = BOTH.surround(Ragged.from_strings([sequence]))
    np.testing.assert_array_equal(unpacked(left_packed(window), window, turned=False), window)
    other = left_packed(reverse_complement(window))
    np.testing.assert_array_equal(unpacked(reverse_complement(other), window, turned=True), window)


@pytest.mark.parametrize(
    ("changes", "packed"),
    [
        ({}, True),
        ({"flags": ("is_reverse",)}, False),  # construct of an older version
        ({"strands": "given"}, False),
        ({"alignment": "center"}, False),  # construct of genomic windows
        ({"left_flank": "A"}, False),
        ({"right_adapter": "A"}, False),
    ],
)
def test_only_constructs_without_flanks_and_flags_are_packed(changes, packed):
    assert is_packed(dataclasses.replace(BOTH, **changes)) == packed
    assert not is_packed(YEAST)
