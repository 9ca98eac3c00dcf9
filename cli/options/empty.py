"""Refuses options and arguments with an empty value, which usually results from an unset shell variable."""

from collections.abc import Mapping, Sequence

import click

__all__ = ["may_be_empty", "refuse_empty"]

MAY_BE_EMPTY = {"left_adapter", "right_adapter", "left_flank", "right_flank", "info_prefix"}
"""Options that accept an empty string as a value."""


def may_be_empty(parameter: click.Parameter) -> bool:
    """Whether a parameter accepts an empty string as a value."""
    return parameter.name in MAY_BE_EMPTY


def refuse_empty(ctx: click.Context, command: click.Command, arguments: Sequence[str]) -> None:
    """Refuses empty values on the command line. Commands could not distinguish empty values from options that were not given.

    Raises:
        click.UsageError: An option or an argument has an empty value.
    """
    options: Mapping[str, click.Parameter] = {name: parameter for parameter in command.params for name in parameter.opts}
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name = before if argument == "" else argument[:-1] if argument.startswith("--") and argument.endswith("=") else None
        if name is None:
            continue
        option = options.get(name)
        takes_value = isinstance(option, click.Option) and not option.is_flag
        if option is None or not takes_value or not may_be_empty(option):
            what = f"{name}" if takes_value else "an argument"
            raise click.UsageError(f"Expected a value for {what}, got an empty string.", ctx)
