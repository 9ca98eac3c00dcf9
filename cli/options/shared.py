"""Single options that several commands share. The module imports only click, because shell completion imports it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import click

from dreamkeras.errors import InputError, OnError
from dreamkeras.formats.decimals import is_whole, parse_whole
from dreamkeras.scoring.names import DEVICES

from ..hints import note_on_error, note_packaged_model, note_sequence_column
from .numbers import WholeRange

__all__ = [
    "ENGINES",
    "add_options",
    "batch_size_option",
    "batch_size_or_auto_option",
    "count_or_auto",
    "device_option",
    "fold_count",
    "fold_or_chromosome",
    "id_column_option",
    "models_option",
    "numbers",
    "on_error_option",
    "output_option",
    "refuse_unused",
    "rows_on_error_option",
    "sequence_column_option",
    "strands_option",
    "summits_option",
    "threads_option",
    "wrong_values",
]

ENGINES = ("local", "ray")
"""Engines of `predict`. `local` scores in the process of the command, and `ray` in the processes of a Ray cluster."""

MOST_NUMBERS = 100_000
"""Maximum length of a list of numbers on the command line. A longer list is likely a typing error."""

models_option = click.option(
    "-m",
    "--model",
    "models",
    type=click.Path(),
    multiple=True,
    metavar="MODEL",
    callback=note_packaged_model,
    help="ONNX file or run folder. Repeat to average several models as an ensemble.  [default: the packaged yeast model]",
)

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True),
    default="-",
    metavar="FILE",
    help="Write results to FILE. A file whose name ends in .gz is compressed. FILE is created when the results are complete.  "
    "[default: standard output]",
)

batch_size_option = click.option(
    "--batch-size", type=WholeRange(min=1), metavar="N", help="Number of sequences scored at a time.  [default: 64]"
)

device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Device that runs the model. The value auto selects a GPU if one is available.",
)


on_error_option = click.option(
    "--on-error",
    type=click.Choice(get_args(OnError)),
    default="fail",
    show_default=True,
    callback=note_on_error,
    help="Stop at a sequence that does not fit the model or a region that is not in the genome, or skip it.",
)


rows_on_error_option = click.option(
    "--on-error",
    type=click.Choice(get_args(OnError)),
    default="fail",
    show_default=True,
    callback=note_on_error,
    help="Stop at an invalid row of DATA, or skip and count such rows. The same applies to regions that are not in the genome.",
)


def add_options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator that adds options to a command, in the given order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@contextmanager
def wrong_values(option: str | None = None) -> Iterator[None]:
    """Context manager that turns an `InputError` about values of options into wrong usage, which has exit code 2.

    Args:
        option: Name of the option, if all errors are about the same option.
    """
    try:
        yield
    except InputError as error:
        raise (click.BadParameter(str(error), param_hint=f"'{option}'") if option else click.UsageError(str(error))) from None


def fold_or_chromosome(text: str) -> str | int:
    """Converts the number of a fold to an int. Returns any other text, the name of a chromosome, unchanged."""
    return int(text) if re.fullmatch("0|[1-9][0-9]{0,8}", text) else text


def count_or_auto(text: str) -> int | str:
    """Converts a positive whole number to an int, and returns `auto` unchanged.

    Raises:
        click.BadParameter: The text is neither a positive whole number nor `auto`.
    """
    if text != "auto" and not (is_whole(text) and int(text)):
        raise click.BadParameter(f"{text!r} is neither a positive whole number nor 'auto'.")
    return text if text == "auto" else int(text)


def numbers(text: str) -> list[int]:
    """Converts a list such as `3,5,8`, or a range `FROM:TO` or `FROM:TO:STEP` that includes `TO`, to whole numbers.

    Raises:
        click.BadParameter: The text is malformed or lists more than `MOST_NUMBERS` numbers.
    """
    try:
        found = _range(text) if ":" in text else [parse_whole(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found:
        raise click.BadParameter(f"{text!r} is neither a list of whole numbers such as 3,5,8 nor FROM:TO:STEP with a positive STEP.")
    if found[MOST_NUMBERS:]:
        raise click.BadParameter(f"{text!r} lists more than {MOST_NUMBERS:,} numbers.")
    return list(found)


def _range(text: str) -> range:
    first, last, step = map(parse_whole, text.split(":") if text.count(":") > 1 else [*text.split(":"), "1"])
    return range(first, last + 1, step) if step > 0 else range(0)


def refuse_unused(wanted: str, **given: object) -> None:
    """Refuses options that would have no effect.

    Args:
        wanted: Reason why the options have no effect, such as "without --start" or "with --backgrounds".
        given: Values of the options by parameter name. The value is None if an option was not given.

    Raises:
        click.UsageError: One of the options was given.
    """
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} has no effect {wanted}.")


def fold_count(text: str) -> str | int:
    """Converts a number of folds to an int, and returns `given` unchanged.

    Raises:
        click.BadParameter: The text is neither a whole number nor `given`.
    """
    if not is_whole(text) and text != "given":
        raise click.BadParameter(f"{text!r} is neither a whole number nor 'given'.")
    return int(text) if is_whole(text) else text


batch_size_or_auto_option = click.option(
    "--batch-size",
    type=count_or_auto,
    metavar="N|auto",
    help="Number of sequences scored at a time, or auto, which measures several numbers and uses the fastest.  [default: 64]",
)

threads_option = click.option(
    "--threads",
    type=count_or_auto,
    metavar="N|auto",
    help="Number of CPU threads, or auto, which measures several numbers and uses the fastest.  [default: all available CPUs]",
)

strands_option = click.option(
    "--strands",
    type=click.Choice(("+-", "+", "-")),
    default="+-",
    show_default=True,
    help="Strands on which motifs are placed. Two motifs are placed on all combinations of these strands.",
)

summits_option = click.option(
    "--summits/--no-summits",
    default=None,
    help="Whether column 10 of BED holds summits.  [default: yes for narrowPeak files, recognised by their suffix or ten columns]",
)

id_column_option = click.option("--id-column", metavar="NAME", help="Name or 0-based position of the table column with sequence names.")

sequence_column_option = click.option(
    "--sequence-column",
    metavar="NAME",
    callback=note_sequence_column,
    help="Name or 0-based position of the table column with sequences.",
)
