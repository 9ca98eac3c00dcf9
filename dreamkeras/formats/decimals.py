"""Parses ASCII decimal numbers. `1_000`, `infinity` and non-ASCII digits, which Python accepts, are rejected.

The command line checks its options with this module, which therefore imports nothing that is slow to load.
"""

import re

__all__ = [
    "DIGITS",
    "LARGEST",
    "LARGEST_FLOAT32",
    "NOT_FINITE",
    "SMALLEST_FLOAT32",
    "is_float32",
    "is_number",
    "is_signed_whole",
    "is_whole",
    "parse_whole",
]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

NOT_FINITE = {sign + name for sign in ("", "+", "-") for name in ("nan", "inf")}
"""Texts such as `nan` and `-inf`, in lower case, that represent missing or infinite numbers. `is_number` rejects these texts."""

DIGITS = 18
"""Maximum number of digits in a whole number. Numbers of up to 18 digits fit into 64 bits."""

LARGEST = 1e36
"""The largest absolute value of a number in a table.

The largest number in float32 is 3.4e38. Training computes sums and differences of measured values in float32, which must fit as well.
"""

LARGEST_FLOAT32, SMALLEST_FLOAT32 = 3.4028234663852886e38, 1.1754943508222875e-38
"""Largest number, and smallest number above 0 with full precision, in float32."""


def is_float32(number: float) -> bool:
    """Returns whether a number is 0 or its absolute value is in the range of float32.

    Example:
        >>> [is_float32(number) for number in (0, -1e38, 1e39, 1e-39, float("nan"))]
        [True, True, False, False, False]
    """
    return number == 0 or SMALLEST_FLOAT32 <= abs(number) <= LARGEST_FLOAT32


def is_number(text: str) -> bool:
    """Returns whether a text is an ASCII decimal number. Sign, decimal point and exponent are optional.

    Example:
        >>> [is_number(text) for text in ("-1.5e3", "1_000", "inf", "0x10", "")]
        [True, False, False, False, False]
    """
    return bool(_NUMBER.fullmatch(text))


def is_whole(text: str) -> bool:
    """Returns whether a text consists of 1 to 18 ASCII digits and nothing else.

    Example:
        >>> [is_whole(text) for text in ("10", "1_0", "+1", "\u0661")]
        [True, False, False, False]
    """
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def is_signed_whole(text: str) -> bool:
    """Returns whether a text is a whole number. A sign and surrounding white space are allowed."""
    number = text.strip()
    return is_whole(number[1:] if number[:1] in ("+", "-") else number)


def parse_whole(text: str) -> int:
    """Parses a whole number. A sign and surrounding white space are allowed.

    Raises:
        ValueError: The text is not a whole number.
    """
    if not is_signed_whole(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)
