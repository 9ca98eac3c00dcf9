import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.sequence.ragged import Ragged, pieces

TEXTS = st.lists(st.text("ACGTNacgt*", max_size=12), max_size=12)


def listed(ragged):
    return [ragged[i] for i in range(len(ragged))]


@given(TEXTS)
def test_strings_are_returned_unchanged(texts):
    ragged = Ragged.from_strings(texts)
    assert listed(ragged) == texts
    assert list(ragged) == texts
    assert ragged.lengths.tolist() == [len(text) for text in texts]
    assert (ragged.offsets[0], ragged.offsets[-1]) == (0, sum(map(len, texts)))


def test_strings_may_come_from_a_generator():
    assert listed(Ragged.from_strings(text for text in ("A", "CG"))) == ["A", "CG"]


def test_characters_outside_latin_1_take_one_byte():
    ragged = Ragged.from_strings(["AΩ😀C", "é"])
    assert listed(ragged) == ["A??C", "é"]


@given(TEXTS, st.data())
def test_select_equals_list_indexing(texts, data):
    ragged = Ragged.from_strings(texts)
    index = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=20)) if texts else []
    assert listed(ragged.select(np.array(index, int))) == [texts[i] for i in index]


@given(TEXTS, st.data())
def test_select_by_mask_equals_filtering(texts, data):
    mask = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    kept = Ragged.from_strings(texts).select(np.array(mask, bool))
    assert listed(kept) == [text for text, keep in zip(texts, mask, strict=True) if keep]


@given(TEXTS)
def test_owners_are_the_texts_of_positions(texts):
    ragged = Ragged.from_strings(texts)
    wanted = [i for i, text in enumerate(texts) for _ in text]
    assert ragged.owner(np.arange(len(ragged.flat))).tolist() == ragged.owners().tolist() == wanted


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_out_of_range_is_an_index_error(index):
    with pytest.raises(IndexError):
        Ragged.from_strings(["A", "C"])[index]


def test_iterating_ends_after_the_last_text():
    assert list(Ragged.from_strings(["A", "", "C"])) == ["A", "", "C"]


def test_lengths_divide_a_flat_array():
    ragged = Ragged.from_lengths(np.frombuffer(b"AACCC", np.uint8), np.array([2, 0, 3]))
    assert listed(ragged) == ["AA", "", "CCC"]


@given(TEXTS, TEXTS)
def test_joined_texts_are_the_texts_of_both(texts, others):
    assert listed(Ragged.from_strings(texts).joined(Ragged.from_strings(others))) == texts + others


def test_pieces_of_a_flat_array_may_overlap_and_be_empty():
    ragged = Ragged.from_strings(["ACGT", "TT"])
    assert listed(ragged.cut(np.array([1, 3, 6, 0]), np.array([2, 3, 0, 1]))) == ["CG", "TTT", "", "A"]


@pytest.mark.parametrize(("texts", "expected"), [(["AC", "GT"], 2), (["AC", "G"], None), (["", ""], 0), ([], None), (["ACG"], 3)])
def test_common_length_is_none_if_lengths_differ(texts, expected):
    assert Ragged.from_strings(texts).common_length == expected


def test_lengths_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Ragged.from_strings(["AC", "GT"]).lengths[0] = 5


@pytest.mark.parametrize("starts", [[0, 4, 8], [1, 2, 3], [6, 3, 0], [0, 5, 7], [2, 2, 2], [9], []])
def test_pieces_begin_at_their_starts(starts):
    flat = np.frombuffer(b"ACGTNACGTNAC", np.uint8)
    found = pieces(flat, np.array(starts, np.int64), 3)
    assert [row.tobytes() for row in found] == [flat[start : start + 3].tobytes() for start in starts]
