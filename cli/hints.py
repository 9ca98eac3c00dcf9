"""Adds hints to errors, which name the options that solve them, such as `-m` and `--on-error`.

The callbacks of the options store the hints. The module imports only click; the training of a model is read when an error occurs.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import click
from click.core import ParameterSource

__all__ = [
    "error_hints",
    "note_default_assay",
    "note_length",
    "note_on_error",
    "note_packaged_model",
    "note_random_length",
    "note_sequence_column",
]

KEY = "dreamkeras.hints"
"""Key of the stored hints in `click.Context.meta`, which a command shares with its group."""

ANOTHER_ASSAY = re.compile("for construct |has no column |Expected a value from |Expected a number, ")
"""Error messages that can result from reading a file as the wrong assay."""

ANOTHER_MODEL = re.compile("for construct ")

NO_SEQUENCES = re.compile(r"has no column named '(?:sequence|seq)'|Expected a column of sequences, .*, line [0-9]+\)\.$")
"""Error messages about a table without a column of sequences. A message about a file of regions ends with other advice."""

TOO_LONG = re.compile("Expected 1(?: to [0-9]+)? bases for construct .*, got [1-9]|has a window of [0-9]+ bases within its contig")

UNFIT_SEQUENCE = re.compile("(?:for construct |Expected an insert with the positions |Expected spans within the insert).* in record ")

UNFIT_REGION = re.compile(r"^Expected a contig of .* in .*, line [0-9]+\.$|^Expected a region within ")


class _Hint(NamedTuple):
    """A sentence that follows some error messages.

    Args:
        text: The sentence.
        pattern: Regular expression for these error messages.
        applies: Function that returns whether the hint applies. The function is called after the values of all options are known.
    """

    text: str
    pattern: re.Pattern[str]
    applies: Callable[[], bool]


def note_packaged_model(ctx: click.Context, _parameter: click.Parameter, models: tuple[str, ...]) -> tuple[str, ...]:
    """If no model is named, stores the hint that the packaged model was used. Returns the models unchanged."""
    if not models:
        _store(ctx, ANOTHER_MODEL, "No -m given: used the packaged yeast model.")
    return models


def note_default_assay(ctx: click.Context, _parameter: click.Parameter, assay: str) -> str:
    """If no assay is named, stores the hint that the default was used. Returns the assay unchanged."""
    if ctx.get_parameter_source("assay") is ParameterSource.DEFAULT:  # a resumed run keeps its assay
        hint = f"No --assay was given, so the file was read as {assay} data."
        _store(ctx, ANOTHER_ASSAY, hint, lambda: not ctx.params.get("resume"))
    return assay


def note_sequence_column(ctx: click.Context, _parameter: click.Parameter, column: str | None) -> str | None:
    """If the column of sequences is not named, stores the hint to name the column. Returns the column unchanged."""

    def reads_table() -> bool:  # assays other than `table` have fixed names of columns
        return (ctx.params.get("assay", "table") or _trained_assay(ctx)) == "table"

    if column is None:
        _store(ctx, NO_SEQUENCES, "Name the column with --sequence-column.", reads_table)
    return column


def _trained_assay(ctx: click.Context) -> str:
    """Returns the assay that the first model was trained on, or an empty text if it is unknown."""
    from dreamkeras.evaluation.training_data import read_training_data

    known = [read_training_data(model) for model in ctx.params.get("models") or filter(None, [ctx.params.get("model")])]
    return next((data.assay for data in known if data), "")


def note_on_error(ctx: click.Context, _parameter: click.Parameter, on_error: str) -> str:
    """If errors are not skipped, stores the hints that they can be skipped. Returns the value unchanged.

    A resumed training run keeps its value.
    """

    def applies() -> bool:
        return ctx.command.name != "train" or not ctx.params.get("resume")

    if on_error == "fail":
        for pattern, what in ((UNFIT_SEQUENCE, "sequences"), (UNFIT_REGION, "regions")):
            _store(ctx, pattern, f"To skip such {what}, add --on-error skip.", applies)
    return on_error


def note_length(ctx: click.Context, _parameter: click.Parameter, length: int | None) -> int | None:
    """Stores the hint to choose another window length, which applies if the option determines it. Returns the length unchanged.

    By default, the window fits the longest sequence of a table. The window of an existing model cannot be changed.
    """

    def determines_window() -> bool:
        has_model = ctx.params.get("models") or ctx.command.name == "calibrate"
        return not has_model and ctx.params.get("assay") in (("atac",) if length is None else ("atac", "table"))

    _store(ctx, TOO_LONG, "Choose another window length with --length.", determines_window)
    return length


def note_random_length(ctx: click.Context, _parameter: click.Parameter, length: int | None) -> int | None:
    """If the length of random sequences is given, stores the hint to choose another length. Returns the length unchanged."""
    if length is not None:
        _store(ctx, ANOTHER_MODEL, "Choose another length with --length.")
    return length


def error_hints(ctx: click.Context, message: str) -> str:
    """Returns the hints for an error message, each after a space. The result may be an empty string."""
    hints: list[_Hint] = ctx.meta.get(KEY, [])
    return "".join(f" {hint.text}" for hint in hints if hint.pattern.search(message) and hint.applies())


def _store(ctx: click.Context, pattern: re.Pattern[str], text: str, applies: Callable[[], bool] = lambda: True) -> None:
    ctx.meta.setdefault(KEY, []).append(_Hint(text, pattern, applies))
