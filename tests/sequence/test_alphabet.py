import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.sequence import alphabet
from dreamkeras.sequence.alphabet import BASE_CODES, BASES, COMPLEMENT, IS_LETTER, IUPAC, ONE_HOT, reverse_complement

# IUPAC codes (NC-IUB 1984) with the complement of each code, independent of the table in the package.
CODES = {
    "A": "T", "C": "G", "G": "C", "T": "A", "U": "A", "R": "Y", "Y": "R", "S": "S", "W": "W",
    "K": "M", "M": "K", "B": "V", "V": "B", "D": "H", "H": "D", "N": "N",
}  # fmt: skip
LEGAL = "".join(CODES) + "".join(CODES).lower()


def codes(text):
    return np.frombuffer(text.encode(), np.uint8)


def test_all_names_exist():
    assert all(hasattr(alphabet, name) for name in alphabet.__all__)


def test_base_order_is_alphabetical():
    assert BASES == "ACGT"
    assert BASE_CODES.tobytes() == b"ACGT"


@pytest.mark.parametrize(("base", "row"), [("A", [1, 0, 0, 0]), ("C", [0, 1, 0, 0]), ("G", [0, 0, 1, 0]), ("T", [0, 0, 0, 1])])
def test_a_base_is_one_hot_in_either_case(base, row):
    assert ONE_HOT[ord(base)].tolist() == row
    assert ONE_HOT[ord(base.lower())].tolist() == row


def test_u_is_treated_as_t():
    assert (ONE_HOT[ord("U")] == ONE_HOT[ord("T")]).all()


@pytest.mark.parametrize("code", ["N", "n", "-", "*", " ", "\0", "X", ">"])
def test_n_and_invalid_codes_are_zeros(code):
    assert not ONE_HOT[ord(code)].any()


@pytest.mark.parametrize("code", sorted(set(IUPAC) - {"N"}))
def test_ambiguous_codes_share_one_among_their_bases(code):
    row = ONE_HOT[ord(code)]
    assert row.sum() == pytest.approx(1)
    assert {base for base, share in zip(BASES, row, strict=True) if share} == set(IUPAC[code])
    assert len({share for share in row.tolist() if share}) == 1


def test_exactly_the_iupac_codes_are_letters():
    assert "".join(map(chr, np.flatnonzero(IS_LETTER))) == "".join(sorted(LEGAL))


def test_complement_swaps_the_codes_and_keeps_case():
    for code, partner in CODES.items():
        assert chr(COMPLEMENT[ord(code)]) == partner
        assert chr(COMPLEMENT[ord(code.lower())]) == partner.lower()


def test_complement_keeps_other_bytes():
    others = np.flatnonzero(~IS_LETTER)
    assert (COMPLEMENT[others] == others).all()


def test_complement_reverses_the_one_hot_row():
    letters = np.flatnonzero(IS_LETTER)
    np.testing.assert_array_equal(ONE_HOT[COMPLEMENT[letters]], ONE_HOT[letters][:, ::-1])


@pytest.mark.parametrize("table", [ONE_HOT, COMPLEMENT, IS_LETTER])
def test_tables_cannot_be_changed(table):
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


@given(st.text(LEGAL))
def test_reverse_complement_equals_the_string_version(text):
    wanted = "".join(CODES[c] if c.isupper() else CODES[c.upper()].lower() for c in reversed(text))
    assert reverse_complement(codes(text)).tobytes().decode() == wanted


@given(st.text(LEGAL.replace("U", "").replace("u", "")))
def test_reverse_complement_twice_is_identity(text):
    assert reverse_complement(reverse_complement(codes(text))).tobytes().decode() == text


def test_reverse_complement_uses_the_last_axis_and_keeps_its_input():
    letters = np.stack([codes("AACG"), codes("TTTN")])
    assert [row.tobytes() for row in reverse_complement(letters)] == [b"CGTT", b"NAAA"]
    assert letters[0].tobytes() == b"AACG"
