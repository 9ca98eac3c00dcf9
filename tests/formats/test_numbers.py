import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.formats.numbers import format_numbers


def test_numbers_have_six_digits_and_large_ones_four_decimals():
    values = [1 / 3, 0.1, -1.5, 2.0, 123.45678, 12345.678, np.nan, np.inf, 0]
    wanted = ["0.333333", "0.1", "-1.5", "2", "123.4568", "12345.6777", "nan", "inf", "0"]
    assert format_numbers(np.array(values, np.float32)) == wanted
    assert format_numbers(np.empty(0)) == []


@settings(max_examples=200)
@given(st.floats(width=32, min_value=1e5, max_value=float(np.float32(3e38))), st.booleans())
def test_numbers_of_100000_or_more_are_exact(value, is_negative):
    value = -value if is_negative else value
    assert np.float32(format_numbers(np.array([value], np.float32))[0]) == np.float32(value)
