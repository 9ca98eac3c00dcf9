"""Option types for numbers. The digits of a number must be ASCII, on the command line and in tables.

The module imports only click, because shell completion imports it.
"""

from typing import Any

import click

from dreamkeras.formats.decimals import is_number, is_signed_whole

__all__ = ["DECIMAL", "WHOLE", "DecimalRange", "WholeRange"]


class _Whole(click.types.IntParamType):
    """Whole number in ASCII digits. click alone would also accept `1_000` and digits of other scripts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Converts the text of an option to an int.

        Raises:
            click.BadParameter: The text is not a whole number.
        """
        if isinstance(value, str) and not is_signed_whole(value):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return super().convert(value, param, ctx)


class _Decimal(click.types.FloatParamType):
    """Decimal number in ASCII digits. click alone would also accept `1_000`, `nan`, `inf` and digits of other scripts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Converts the text of an option to a float.

        Raises:
            click.BadParameter: The text is not a number.
        """
        if isinstance(value, str) and not is_number(value.strip()):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return super().convert(value, param, ctx)


class WholeRange(click.IntRange, _Whole):
    """Whole number within bounds."""


class DecimalRange(click.FloatRange, _Decimal):
    """Decimal number within bounds."""


WHOLE = _Whole()
"""Option type for any whole number."""

DECIMAL = _Decimal()
"""Option type for any decimal number."""
