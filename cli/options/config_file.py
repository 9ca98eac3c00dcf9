"""`--config FILE`: reads the options of a command from a TOML file. The module imports only click, because shell completion imports it."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from dreamkeras.errors import InputError

from .empty import may_be_empty

__all__ = ["config_option"]

TAKEN = ("config", "resume", "help")
"""Options that cannot be set in a configuration file."""


def _read(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    """Uses the values in the file as defaults of the command's options."""
    if path is None or ctx.resilient_parsing:
        return
    from dreamkeras.files.documents import read_toml

    ctx.default_map = dict(_default(ctx, key, value, path) for key, value in read_toml(path).items())


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_read,
    help="Read options from a TOML file with lines such as `epochs = 10`. Options on the command line take precedence.",
)


def _default(ctx: click.Context, key: str, value: Any, path: Path) -> tuple[str, Any]:
    """Returns the parameter name for a key, and the value as text, as it would be typed on the command line."""
    parameters = {parameter.name or "": parameter for parameter in ctx.command.params if parameter.name not in TAKEN}
    name = key.replace("-", "_")
    if name not in parameters:
        near = get_close_matches(name, parameters, 1)
        hint = f"Did you mean {near[0]}?" if near else f"See `{ctx.command_path} --help`."
        raise InputError(f"{ctx.command_path} has no option {key!r}, which is a key in '{path}'. {hint}")
    parameter = parameters[name]
    text = [_text(part) for part in _listed(value)] if parameter.multiple or parameter.nargs == -1 else _text(value)
    if not may_be_empty(parameter) and "" in _listed(text):
        raise InputError(f"Expected a value for {key}, got an empty string in '{path}'.")
    try:
        parameter.type_cast_value(ctx, text)
    except click.BadParameter as error:
        raise InputError(f"The value {value!r} of {key} in {path} is not valid: {error.message}") from None
    return name, text


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """Returns a TOML value as text, as on the command line. The option checks the text and, for example, refuses 1.5 as a whole number."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
