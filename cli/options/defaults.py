"""Names the defaults of `--assay` and `-m` in errors that result from these defaults. The module imports only click."""

import click
from click.core import ParameterSource

__all__ = ["default_hint", "note_default_assay", "note_packaged_model"]

KEY = "dreamkeras.default"
"""Key in `click.Context.meta`, which a command shares with its group."""

ERRORS = ("for construct ", "has no column ", "Expected a value from ", "Expected a number, ")
"""Phrases in the error messages that can result from reading a file as the wrong assay."""


def note_packaged_model(ctx: click.Context, _parameter: click.Parameter, models: tuple[str, ...]) -> tuple[str, ...]:
    """If no model is named, stores the hint that the packaged model was used. Returns the models unchanged."""
    if not models:
        ctx.meta[KEY] = ("for construct ",), "No -m given: used the packaged yeast model."
    return models


def note_default_assay(ctx: click.Context, _parameter: click.Parameter, assay: str) -> str:
    """If no assay is named, stores the hint that the default was used. Returns the assay unchanged."""
    is_default = ctx.get_parameter_source("assay") is ParameterSource.DEFAULT
    if is_default and not ctx.params.get("resume"):  # a resumed run keeps its assay
        ctx.meta[KEY] = ERRORS, f"No --assay was given, so the file was read as {assay} data."
    return assay


def default_hint(ctx: click.Context, message: str) -> str:
    """Returns a space and the stored hint if the error can result from the default. Otherwise returns an empty string."""
    phrases, hint = ctx.meta.get(KEY, ((), ""))
    return f" {hint}" if any(phrase in message for phrase in phrases) else ""
