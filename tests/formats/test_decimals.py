"""Numbers in text, compared with the numbers that Python accepts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.formats.decimals import NOT_FINITE, is_number, is_whole, parse_whole

TEXTS = st.text("0123456789+-.eE_ x\u0661\uff12\u00b2", max_size=8)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**18), 10**18))
def test_output_of_python_is_a_number(value):
    assert is_number(repr(value))


@given(TEXTS)
def test_numbers_are_python_numbers_in_ascii_without_underscores_and_blanks(text):
    try:
        float(text)
    except ValueError:
        assert not is_number(text)
    else:
        assert is_number(text) == (text.isascii() and "_" not in text and " " not in text)


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "infinity", "0x10", "", "1\n", "\u00bd"])
def test_words_hexadecimals_and_blanks_are_not_numbers(text):
    assert not is_number(text)
    assert not is_whole(text)


@given(TEXTS)
def test_whole_numbers_are_digits(text):
    assert is_whole(text) == bool(re.fullmatch("[0-9]{1,18}", text))


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.sampled_from(["", " ", "\t"]))
def test_whole_numbers_are_parsed_with_sign_and_blanks(number, blank):
    assert parse_whole(f"{blank}{number}{blank}") == number
    assert parse_whole(f"{number:+}") == number


@pytest.mark.parametrize("text", ["", "1_0", "\u0661", "1.0", "+-1", "- 1", "0x1", "9" * 19, "\u00b2"])
def test_other_texts_are_not_whole_numbers(text):
    with pytest.raises(ValueError, match="is not a whole number"):
        parse_whole(text)


def test_names_of_infinite_values_are_not_decimals():
    assert all(float(text) in (float("inf"), -float("inf")) or float(text) != float(text) for text in NOT_FINITE)
    assert not any(map(is_number, NOT_FINITE))
