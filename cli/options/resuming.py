"""Options of a resumed training run, and the command that resumes an interrupted run. At import, the module loads only click."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from dreamkeras.training.config import RunConfig

__all__ = ["given_changes", "resume_hint"]

BESIDE = ("out", "resume", "dry_run", "backend", "parallel")
"""Options of a resumed run that do not change its configuration."""


def given_changes(ctx: click.Context) -> dict[str, Any]:
    """Returns the options that change a resumed run. The run keeps all other options that it was started with.

    Raises:
        click.UsageError: An option that a resumed run cannot change is given.
    """
    from dreamkeras.training.changes import CHANGEABLE

    names = [name for parameter in ctx.command.params if (name := parameter.name or "") not in BESIDE]
    given = {name: ctx.params[name] for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for parameter in ctx.command.params:
        if parameter.name in given and parameter.name not in CHANGEABLE:
            allowed = ", ".join(f"--{name}" for name in ("out", "backend", *CHANGEABLE[1:], "parallel"))
            raise click.UsageError(f"--resume can only be combined with DATA, {allowed}, got {parameter.opts[0]}.")
    return given


def resume_hint(folder: Path, config: "RunConfig", changes: dict[str, Any]) -> str:
    """Returns a message with the command that resumes an interrupted run. The command repeats changes that the run has not stored yet.

    The message is empty if the run has not written `config.json`, or if its data came from a stream.
    """
    from dreamkeras.files.inputs import listed_files
    from dreamkeras.files.streams import is_stream
    from dreamkeras.training.changes import changed
    from dreamkeras.training.config import RunConfig

    if not (folder / "config.json").is_file() or any(map(is_stream, filter(None, (*config.files, config.valid, config.test)))):
        return ""
    stored, given = RunConfig.read(folder / "config.json"), dict(changes)
    if changed(stored, given) == stored:
        given = {}
    data = listed_files(given.pop("data", None))
    options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    words = ["dreamkeras", "train", *data, "--resume", "--out", str(folder), *options]
    return f"Interrupted. Resume the run with: {shlex.join(words)}"
