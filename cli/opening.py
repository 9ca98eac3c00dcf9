"""Opens the models that a command line names."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dreamkeras.scoring.scorer import Scorer

__all__ = ["open_models", "report_packaged"]


def open_models(models: tuple[str, ...], device: str, batch_size: int | str | None, threads: int | str | None) -> "tuple[Scorer, int]":
    """Opens the models of a command line, or the packaged model if none is named, and returns the scorer and the batch size.

    If the batch size or the number of threads is `auto`, the fastest value is measured and printed.

    Raises:
        ModelError: A model cannot be opened.
    """
    from dreamkeras.scoring.predictor import BATCH_SIZE, PACKAGED_MODEL, load
    from dreamkeras.scoring.tuning import BATCH_SIZES, thread_counts, tune

    def open_with(count: int) -> "Scorer":
        return load(models, device, count) if len(models) > 1 else load(models[0] if models else PACKAGED_MODEL, device, count)

    sizes = BATCH_SIZES if batch_size == "auto" else (int(batch_size or BATCH_SIZE),)
    counts = thread_counts() if threads == "auto" else (int(threads or thread_counts()[0]),)
    if "auto" not in (batch_size, threads):
        return open_with(counts[0]), sizes[0]
    tuned = tune(open_with, counts, sizes)
    click.echo(str(tuned), err=True)
    return tuned.scorer, tuned.batch_size


def report_packaged(models: tuple[str, ...], scorer: "Scorer") -> None:
    """Prints the name of the packaged model if the command line names no model."""
    if not models:
        click.echo(f"No -m given: used the packaged model {scorer.name} (construct {scorer.construct.name}).", err=True)
