import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.sequence import matching
from dreamkeras.sequence.alphabet import IUPAC
from dreamkeras.sequence.matching import begins_with, ends_with, illegal_letters
from dreamkeras.sequence.ragged import Ragged

LETTERS = {*"".join(IUPAC), *"".join(IUPAC).lower()}

few_letters = st.text("ATUtu", max_size=6)
of_one_length = st.integers(0, 6).flatmap(lambda size: st.lists(st.text("ATUtu", min_size=size, max_size=size), max_size=6))


@given(st.lists(few_letters, max_size=6) | of_one_length, st.text("ATU", max_size=3), st.integers(0, 3))
def test_ends_equal_those_of_strings(texts, text, beside):
    packed = Ragged.from_strings(texts)
    upper, text = [given.upper().replace("U", "T") for given in texts], text.replace("U", "T")
    assert begins_with(packed, text).tolist() == [bool(text) and given.startswith(text) for given in upper]
    fits = [bool(text) and given.endswith(text) and len(given) >= len(text) + beside for given in upper]
    assert ends_with(packed, text, beside).tolist() == fits


@given(st.lists(few_letters, min_size=1, max_size=6))
def test_the_case_of_the_text_is_ignored(texts):
    packed = Ragged.from_strings(texts)
    np.testing.assert_array_equal(begins_with(packed, "ta"), begins_with(packed, "TA"))


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=5), max_size=6))
def test_the_first_invalid_letter_of_each_sequence_is_reported(texts):
    expected = {}
    for index, text in enumerate(texts):
        wrong = [(place, letter) for place, letter in enumerate(text, 1) if letter not in LETTERS]
        if wrong:
            expected[index] = f"Expected DNA letters, got {wrong[0][1]!r} at position {wrong[0][0]}"
    assert illegal_letters(Ragged.from_strings(texts)) == expected


def test_results_do_not_depend_on_the_block_size(monkeypatch):
    monkeypatch.setattr(matching, "BLOCK", 3)
    assert illegal_letters(Ragged.from_strings(["ACGT", "A!CG!", "", "*"])) == {
        1: "Expected DNA letters, got '!' at position 2",
        3: "Expected DNA letters, got '*' at position 1",
    }


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_empty_batches_give_empty_results(texts):
    packed = Ragged.from_strings(texts)
    assert begins_with(packed, "A").tolist() == ends_with(packed, "A").tolist() == [False] * len(texts)
    assert illegal_letters(packed) == {}
