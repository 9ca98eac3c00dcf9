"""Option types for numbers. The digits of a number must be ASCII, on the command line and in tables.

The module imports only click, because shell completion imports it.
"""

from typing import Any

import click

from dreamkeras.formats.decimals import DIGITS, LARGEST_FLOAT32, SMALLEST_FLOAT32, is_float32, is_number, is_signed_whole

__all__ = ["DECIMAL", "WHOLE", "DecimalRange", "WholeRange"]


class _Whole(click.types.IntParamType):
    """Whole number in ASCII digits. click alone would also accept `1_000` and digits of other scripts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Converts the text of an option to an int.

        Raises:
            click.BadParameter: The text is not a whole number, or the number is out of range.
        """
        if isinstance(value, str) and not is_signed_whole(value):
            is_long = getattr(self, "max", None) is None and value.strip().lstrip("+-").isdecimal() and len(value) > DIGITS
            self.fail(f"Expected {_wanted('a whole number', self)}{f' with at most {DIGITS} digits' * is_long}, got {value!r}.", param, ctx)
        number = int(value)
        if not _is_within(number, self):
            self.fail(f"Expected {_wanted('a whole number', self)}, got {number}.", param, ctx)
        return number


class _Decimal(click.types.FloatParamType):
    """Decimal number in ASCII digits, in the range of float32. click alone would also accept `1_000`, `nan`, `inf` and other digits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Converts the text of an option to a float.

        Raises:
            click.BadParameter: The text is not a number, or the number is out of range.
        """
        if isinstance(value, str) and not is_number(value.strip()):
            self.fail(f"Expected {_wanted('a number', self)}, got {value!r}.", param, ctx)
        number = float(value)
        if not _is_within(number, self):
            self.fail(f"Expected {_wanted('a number', self)}, got {value}.", param, ctx)
        if not is_float32(number):
            self.fail(f"Expected 0 or a number of size {SMALLEST_FLOAT32:.2g} to {LARGEST_FLOAT32:.2g}, got {value}.", param, ctx)
        return number


class WholeRange(_Whole, click.IntRange):
    """Whole number within bounds."""


class DecimalRange(_Decimal, click.FloatRange):
    """Decimal number within bounds."""


WHOLE = _Whole()
"""Option type for any whole number."""

DECIMAL = _Decimal()
"""Option type for any decimal number."""


def _is_within(number: float, kind: "click.ParamType[Any]") -> bool:
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return True
    above = kind.min is None or number > kind.min or (number == kind.min and not kind.min_open)
    return above and (kind.max is None or number < kind.max or (number == kind.max and not kind.max_open))


def _wanted(number: str, kind: "click.ParamType[Any]") -> str:
    """Describes a valid value, such as "a number above 0 and below 1"."""
    if not isinstance(kind, click.IntRange | click.FloatRange):
        return number
    low, high = kind.min, kind.max
    if low is not None and high is not None and not (kind.min_open or kind.max_open):
        return f"{number} from {low} to {high}"
    lower = [] if low is None else [f"above {low}" if kind.min_open else f"of at least {low}"]
    upper = [] if high is None else [f"below {high}" if kind.max_open else f"of at most {high}"]
    return " ".join([number, " and ".join(lower + upper)]).strip()
