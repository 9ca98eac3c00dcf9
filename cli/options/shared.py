"""The options that several commands share. click only: shell completion imports this."""

import re
from collections.abc import Callable
from typing import Any

import click

from dreamkeras.formats.decimals import is_whole, parse_whole
from dreamkeras.scoring.names import DEVICES, ON_ERROR

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
    "sequence_column_option",
    "strands_option",
    "summits_option",
    "threads_option",
]

ENGINES = ("local", "ray")
"""Scoring in this process, or in those of a cluster."""

MOST_NUMBERS = 100_000
"""Of a range of numbers on the command line: more are a slip of the hand."""

models_option = click.option(
    "-m",
    "--model",
    "models",
    type=click.Path(),
    multiple=True,
    metavar="MODEL",
    help="An .onnx file or a run folder; several are an ensemble.  [default: the small yeast model of the package]",
)

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True),
    default="-",
    metavar="FILE",
    help="Where results go; appears when it is whole; text in FILE.gz is compressed.  [default: standard output]",
)

batch_size_option = click.option(
    "--batch-size", type=WholeRange(min=1), metavar="N", help="Sequences scored at once; more take more memory."
)

device_option = click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where the model runs; cuda fails without a GPU."
)


on_error_option = click.option(
    "--on-error",
    type=click.Choice(ON_ERROR),
    default="fail",
    show_default=True,
    help="What to do with sequences that do not fit the model.",
)


def add_options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds options to a command, in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def fold_or_chromosome(text: str) -> str | int:
    """Of a fold, its number, or a chromosome."""
    return int(text) if re.fullmatch("0|[1-9][0-9]{0,8}", text) else text


def count_or_auto(text: str) -> int | str:
    """A number from 1 on, or `auto`, which is to be measured."""
    if text != "auto" and not (is_whole(text) and int(text)):
        raise click.BadParameter(f"{text!r} is neither a number from 1 on nor 'auto'.")
    return text if text == "auto" else int(text)


def numbers(text: str) -> list[int]:
    """Whole numbers: `3,5,8`, or `FROM:TO` or `FROM:TO:STEP`, `TO` among them if a step leads there."""
    try:
        found = _range(text) if ":" in text else [parse_whole(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found:
        raise click.BadParameter(f"{text!r} is neither numbers such as 3,5,8 nor FROM:TO:STEP, with a STEP from 1 on.")
    if found[MOST_NUMBERS:]:
        raise click.BadParameter(f"{text!r} is more than {MOST_NUMBERS:,} numbers.")
    return list(found)


def _range(text: str) -> range:
    first, last, step = map(parse_whole, text.split(":") if text.count(":") > 1 else [*text.split(":"), "1"])
    return range(first, last + 1, step) if step > 0 else range(0)


def refuse_unused(wanted: str, **given: object) -> None:
    """Refuses options that would have no effect.

    Args:
        wanted: The option that they need, which is absent.
        given: Their values by name; None where not given.

    Raises:
        click.UsageError: One was given.
    """
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"Expected {wanted} beside --{name.replace('_', '-')}.")


def fold_count(text: str) -> str | int:
    """A number of folds, or `given`."""
    if not is_whole(text) and text != "given":
        raise click.BadParameter(f"{text!r} is neither a number nor 'given'.")
    return int(text) if is_whole(text) else text


batch_size_or_auto_option = click.option(
    "--batch-size",
    type=count_or_auto,
    metavar="N|auto",
    help="Sequences scored at once; more take more memory.  [default: 64]",
)

threads_option = click.option(
    "--threads", type=count_or_auto, metavar="N|auto", help="CPU threads; auto measures.  [default: as many as CPUs may be used]"
)

strands_option = click.option(
    "--strands",
    type=click.Choice(("+-", "+", "-")),
    default="+-",
    show_default=True,
    help="Strands that motifs stand on; of two, every combination.",
)

summits_option = click.option(
    "--summits/--no-summits",
    default=None,
    help="Column 10 of BED holds summits, or does not.  [default: where a file is narrowPeak, by its name or by all its columns]",
)

id_column_option = click.option("--id-column", metavar="NAME", help="A table's column of names, or its position from 0.")

sequence_column_option = click.option("--sequence-column", metavar="NAME", help="A table's column of sequences, or its position from 0.")
