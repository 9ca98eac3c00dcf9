import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_rules import FLANKED, shows

from dreamkeras.sequence.site_search import FILLING, both_strands, has_site, occurs_in

LEFT, RIGHT = FLANKED.left_flank, FLANKED.right_adapter + FLANKED.right_flank
CODES = "ACGTRYSWKMBDHVN"


def rows_of(inserts):
    """Returns inserts between constant sequences, as rows that are padded at the end."""
    texts = [LEFT + insert + RIGHT for insert in inserts]
    width = max(map(len, texts))
    return np.stack([np.frombuffer(text.ljust(width, chr(FILLING)).encode(), np.uint8) for text in texts])


@given(
    st.lists(st.text("ACGT", min_size=2, max_size=9), min_size=1, max_size=4), st.lists(st.text(CODES, min_size=1, max_size=7), max_size=3)
)
def test_sites_equal_those_of_regular_expressions(inserts, patterns):
    stops = np.array([len(LEFT) + len(insert) for insert in inserts])
    found = has_site(rows_of(inserts), both_strands(patterns), len(LEFT), stops)
    assert found.tolist() == [any(shows(pattern, FLANKED, insert) for pattern in patterns) for insert in inserts]


@pytest.mark.parametrize(("pattern", "insert"), [("TGACC", "CC"), ("GATT", "GA"), ("GGAATC", "GA"), ("GACNTT", "CG")])
def test_sites_may_overlap_the_ends_of_an_insert(pattern, insert):
    stops = np.array([len(LEFT) + len(insert)])
    assert has_site(rows_of([insert]), both_strands([pattern]), len(LEFT), stops).tolist() == [shows(pattern, FLANKED, insert)] == [True]


@pytest.mark.parametrize("pattern", ["TTTGA", "TTCC", "GGAC"])
def test_sites_outside_of_the_insert_are_ignored(pattern):
    assert pattern in LEFT + RIGHT
    assert not has_site(rows_of(["AC"]), [pattern], len(LEFT), np.array([len(LEFT) + 2])).any()


def test_ambiguous_codes_match_if_all_of_their_bases_are_allowed():
    letters = np.frombuffer(b"ANRG", np.uint8)[None]
    stop = np.array([4])
    assert [has_site(letters, [pattern], 0, stop)[0] for pattern in ("ANRG", "ANNG", "AANG", "ANGG")] == [True, True, False, False]


def test_no_pattern_matches_the_filling():
    assert not has_site(rows_of(["ACGT", "ACGTACGT"])[:1], ["GGN"], len(LEFT), np.array([len(LEFT) + 4])).any()


def test_both_strands_contain_palindromes_once():
    assert both_strands(["GAATTC", "CRTT"]) == ["GAATTC", "CRTT", "AAYG"]


def test_a_pattern_occurs_in_a_text_if_all_of_its_bases_match():
    assert occurs_in("GAATTC", "NGAATTCN")
    assert occurs_in("AAC", "GTT")  # match on the other strand
    assert not occurs_in("GAATTC", "GRATTC")
    assert not occurs_in("GAATTC", "AATT")
