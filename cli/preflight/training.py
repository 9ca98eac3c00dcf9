"""Prints the report of a dry run of `train`. At import, the module loads only click."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from dreamkeras.training.config import RunConfig

__all__ = ["rehearse_training"]


def rehearse_training(config: "RunConfig", folder: Path, parallel: int | None = None) -> NoReturn:
    """Prints the report of `training.rehearsal.rehearse`, and exits with code 0, or with code 1 if the run would fail.

    Args:
        config: Configuration of the run.
        folder: Run folder that the run would create.
        parallel: See `training.rehearsal.rehearse`.
    """
    from dreamkeras.errors import DreamkerasError
    from dreamkeras.training.rehearsal import rehearse

    from ..hints import error_hints
    from ..results import echo_result
    from .inventory import Line

    lines: list[Line] = []
    try:
        rehearse(config, folder, lambda subject, text: lines.append(Line(subject, text)), parallel)
        verdict, code = Line("Would run", "nothing was written"), 0
    except DreamkerasError as error:
        verdict, code = Line("Would fail", f"{error}{error_hints(click.get_current_context(), str(error))}"), 1
    echo_result("\n".join(f"{line.subject:<12} {line.text}" for line in (*lines, verdict)))
    raise SystemExit(code)
