"""Options and arguments that were given an empty value: what a shell leaves of a variable that is not set."""

from collections.abc import Mapping, Sequence

import click

__all__ = ["may_be_empty", "refuse_empty"]

MAY_BE_EMPTY = {"left_adapter", "right_adapter", "left_flank", "right_flank", "info_prefix"}
"""Parameters for which nothing is a value."""


def may_be_empty(parameter: click.Parameter) -> bool:
    """Whether an empty text is a value of a parameter."""
    return parameter.name in MAY_BE_EMPTY


def refuse_empty(ctx: click.Context, command: click.Command, arguments: Sequence[str]) -> None:
    """Refuses empty values on the command line, which would look like options that were not given.

    Raises:
        click.UsageError: There is one.
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
            raise click.UsageError(f"Expected a value for {what}, got an empty text.", ctx)
