"""Types of options that are numbers: ASCII decimals, as in tables. click only: shell completion imports this."""

from typing import Any

import click

from dreamkeras.formats.decimals import is_number, is_signed_whole

__all__ = ["DECIMAL", "WHOLE", "DecimalRange", "WholeRange"]


class _Whole(click.types.IntParamType):
    """A whole number; click also takes `1_000` and the digits of other scripts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            click.BadParameter: The text is none.
        """
        if isinstance(value, str) and not is_signed_whole(value):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return super().convert(value, param, ctx)


class _Decimal(click.types.FloatParamType):
    """A number; click also takes `1_000`, `nan`, `inf` and the digits of other scripts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            click.BadParameter: The text is none.
        """
        if isinstance(value, str) and not is_number(value.strip()):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return super().convert(value, param, ctx)


class WholeRange(click.IntRange, _Whole):
    """A whole number within bounds."""


class DecimalRange(click.FloatRange, _Decimal):
    """A number within bounds."""


WHOLE = _Whole()
"""Any whole number."""

DECIMAL = _Decimal()
"""Any number."""
