import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.small_batches import cut_small_batch

SMALL = Construct(name="small", length=12, left_adapter="AC", right_adapter="GTT", left_flank="GGAC", right_flank="CC", shortest=2)
CONSTRUCTS = [
    SMALL,
    dataclasses.replace(SMALL, alignment="left"),
    dataclasses.replace(SMALL, alignment="center"),
    dataclasses.replace(SMALL, alignment="end"),
    Construct(name="bare", length=8, alignment="center"),
    Construct(name="left", length=9, left_adapter="ac"),
    Construct(name="right", length=9, right_adapter="GT", alignment="left"),
    Construct(name="turned", length=20, left_adapter="TCA", right_adapter="GGTTA", shortest=2),
    Construct(name="distinct", length=40, left_adapter="TCATCATCATCATCAA", right_adapter="GGTTA"),
    Construct(name="only", length=40, right_adapter="TCATCATCATCATCAA"),
]
PIECES = ("AC", "ac", "GTT", "gTt", "A", "N", "y", "*", "G", "TCA", "GGTTA", "TAACC", "tga", "TTGATGATGATGATGA", "uca", "GGUUA", "UAACC")
pieces = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@settings(max_examples=300)
@given(st.sampled_from(CONSTRUCTS), st.lists(pieces, min_size=1, max_size=5))
def test_windows_equal_those_of_the_construct(construct, texts):
    found = cut_small_batch(construct, [text.encode() for text in texts])
    windows, problems = construct.fit(Ragged.from_strings(texts))
    if problems:
        assert found is None
    else:
        np.testing.assert_array_equal(found, windows)


@pytest.mark.parametrize("insert", ["ACGTTGCA" * 10, "a" * 70, "RYN" * 20])
def test_yeast_promoters_may_have_adapters_or_not(insert):
    whole = YEAST.left_adapter + insert + YEAST.right_adapter.lower()
    found = cut_small_batch(YEAST, [insert.encode(), whole.encode()])
    assert found[0].tobytes() == found[1].tobytes()
    assert insert.encode() in found[0].tobytes()


def test_bytes_that_are_not_text_do_not_fit():
    assert cut_small_batch(YEAST, [b"\xff" * 80]) is None
