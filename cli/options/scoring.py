"""Options of commands that score the sequences in files with models. At import, the module loads only click."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dreamkeras.errors import OnError

from .shared import (
    add_options,
    batch_size_or_auto_option,
    device_option,
    id_column_option,
    models_option,
    on_error_option,
    output_option,
    sequence_column_option,
    threads_option,
)

if TYPE_CHECKING:
    from dreamkeras.scoring.scorer import Scorer

__all__ = ["Scoring", "chosen_scoring", "scoring_options"]

FIRST = (
    click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(allow_dash=True)),
    models_option,
    output_option,
)

LAST = (on_error_option, batch_size_or_auto_option, threads_option, device_option, id_column_option, sequence_column_option)


class Scoring(NamedTuple):
    """Values of the scoring options. Each field has the name of its option."""

    inputs: tuple[str, ...]
    models: tuple[str, ...]
    output: str
    format: str | None
    on_error: OnError
    batch_size: int | str | None
    threads: int | str | None
    device: str
    id_column: str | int | None
    sequence_column: str | int | None

    @property
    def columns(self) -> dict[str, str | int | None]:
        """Values of `--id-column` and `--sequence-column`, as keyword arguments of `read_files`."""
        return {"id_column": self.id_column, "sequence_column": self.sequence_column}

    @property
    def is_measured(self) -> bool:
        """Whether `--batch-size` or `--threads` is `auto`."""
        return "auto" in (self.batch_size, self.threads)

    def open_models(self, device: str | None = None) -> "tuple[Scorer, int]":
        """Opens the models, on `device` if it is given, and returns the scorer and the batch size. See `opening.open_models`."""
        from ..opening import open_models

        return open_models(self.models, device or self.device, self.batch_size, self.threads)


def scoring_options(formats: Sequence[str], results: str, *own: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator that adds the scoring options to a command.

    Args:
        formats: Choices of `--format`.
        results: Name of the results in the help text of `--format`.
        own: Further options of the command, listed after `--format`.
    """
    chosen = click.option(
        "--format",
        type=click.Choice(formats),
        help=f"Format of the {results}.  [default: the format that the suffix of FILE names, otherwise tsv]",
    )
    return add_options(*FIRST, chosen, *own, *LAST)


def chosen_scoring(options: dict[str, Any]) -> Scoring:
    """Removes the scoring options from `options` and returns their values."""
    return Scoring(**{name: options.pop(name) for name in Scoring._fields})
