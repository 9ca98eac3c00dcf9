"""Numbers in text: ASCII decimals. `1_000`, `infinity` and the digits of other scripts, which Python accepts, are refused.

Imports nothing: the options of the command line read numbers by the same rule.
"""

import re

__all__ = ["NOT_FINITE", "is_number", "is_signed_whole", "is_whole", "parse_whole"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

NOT_FINITE = {sign + name for sign in ("", "+", "-") for name in ("nan", "inf")}
"""Texts, in lower case, that programs write for missing and infinite numbers; readers accept them to report them by themselves."""

DIGITS = 18
"""Most digits of a whole number, which fits into 64 bits then."""


def is_number(text: str) -> bool:
    """Whether a text is a number in ASCII decimals, with or without a sign, a point and an exponent.

    Example:
        >>> [is_number(text) for text in ("-1.5e3", "1_000", "inf", "0x10", "")]
        [True, False, False, False, False]
    """
    return bool(_NUMBER.fullmatch(text))


def is_whole(text: str) -> bool:
    """Whether a text is one to 18 ASCII digits, and nothing else.

    Example:
        >>> [is_whole(text) for text in ("10", "1_0", "+1", "\u0661")]
        [True, False, False, False]
    """
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def is_signed_whole(text: str) -> bool:
    """Whether a text is a whole number, which may have a sign and blanks around it."""
    number = text.strip()
    return is_whole(number[1:] if number[:1] in ("+", "-") else number)


def parse_whole(text: str) -> int:
    """The whole number that a text is, which may have a sign and blanks around it.

    Raises:
        ValueError: It is none.
    """
    if not is_signed_whole(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)
