"""`--config FILE`: the options of a command in TOML; those on the command line win. click only: shell completion imports this."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from dreamkeras.errors import InputError

from .empty import may_be_empty

__all__ = ["config_option"]

TAKEN = ("config", "resume", "help")
"""Options that no file can choose."""


def _read(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    """Makes what the file says the defaults of the command's options."""
    if path is None or ctx.resilient_parsing:
        return
    from dreamkeras.files.inputs import read_text

    try:
        fields = tomllib.loads(read_text(path))
    except (OSError, ValueError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        raise InputError(f"Expected a TOML file of options, got {path} ({reason}).") from None
    ctx.default_map = dict(_default(ctx, key, value, path) for key, value in fields.items())


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_read,
    help="Options in TOML, as `epochs = 10`; those given here win.",
)


def _default(ctx: click.Context, key: str, value: Any, path: Path) -> tuple[str, Any]:
    """The name of a parameter, and its value as on the command line."""
    parameters = {parameter.name or "": parameter for parameter in ctx.command.params if parameter.name not in TAKEN}
    name = key.replace("-", "_")
    if name not in parameters:
        near = get_close_matches(name, parameters, 1)
        hint = f"did you mean {near[0]}?" if near else f"see `{ctx.command_path} --help`."
        raise InputError(f"Expected options of {ctx.command_path} as keys, got {key!r} in {path}: {hint}")
    parameter = parameters[name]
    text = [_text(part) for part in _listed(value)] if parameter.multiple else _text(value)
    if not may_be_empty(parameter) and "" in _listed(text):
        raise InputError(f"Expected a value of {key}, got an empty text in {path}.")
    try:
        parameter.type_cast_value(ctx, text)
    except click.BadParameter as error:
        reason = error.message.replace("valid integer range", "whole number").replace("valid integer", "whole number")
        raise InputError(f"Expected a value of {key}, got {value!r} in {path}: {reason}") from None
    return name, text


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A value of TOML as it is typed: numbers are checked by the option then, and 1.5 is no whole one."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
