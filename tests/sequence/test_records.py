import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def records(texts, source="x.fa"):
    ids = [f"r{i}" for i in range(len(texts))]
    return Records(ids, Ragged.from_strings(texts), np.arange(len(texts)) * 2 + 1, source)


def listed(batch):
    return list(zip(batch.ids, list(batch.sequences), batch.lines.tolist(), strict=True))


def test_origin_names_record_file_and_line():
    assert records(["A", "C"]).origin(1) == "record 'r1' (x.fa, line 3)"


def test_origin_names_standard_input():
    assert records(["A"], "-").origin(0) == "record 'r0' (standard input, line 1)"


@pytest.mark.parametrize("index", [np.array([2, 0]), np.array([True, False, True])])
def test_select_keeps_the_fields_together(index):
    batch = records(["A", "CC", ""])
    wanted = [listed(batch)[i] for i in np.arange(3)[index]]
    assert listed(batch.select(index)) == wanted


@given(st.lists(st.text("ACGT", max_size=9), max_size=20), st.integers(1, 7), st.integers(1, 15))
def test_batches_contain_the_same_records(texts, rows, letters):
    whole = records(texts)
    pieces = list(whole.batches(rows, letters))
    assert [row for piece in pieces for row in listed(piece)] == listed(whole)
    for piece in pieces:
        assert 1 <= len(piece.ids) <= rows
        assert len(piece.ids) == 1 or len(piece.sequences.flat) <= letters
        assert len(piece.sequences) == len(piece.ids)


@given(st.lists(st.text("ACGT", max_size=9), min_size=1, max_size=20), st.integers(1, 7), st.integers(1, 15))
def test_batches_are_as_large_as_allowed(texts, rows, letters):
    pieces = list(records(texts).batches(rows, letters))
    for piece, following in itertools.pairwise(pieces):
        assert len(piece.ids) == rows or len(piece.sequences.flat) + len(following.sequences[0]) > letters


def test_empty_records_have_no_batches():
    assert list(records([]).batches()) == []
