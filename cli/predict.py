"""`dreamkeras predict`: sequences in files, predictions out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .options import batch_size_option, device_option, format_option, id_column_option, models_option, output_option, sequence_column_option

if TYPE_CHECKING:
    from dreamkeras.scoring.pipeline import Scored
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.scoring.shards import Shards

__all__ = ["command"]


@click.command("predict")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(allow_dash=True))
@models_option
@output_option
@format_option
@click.option(
    "--on-error",
    type=click.Choice(("fail", "skip")),
    default="fail",
    show_default=True,
    help="What to do with sequences that do not fit the model.",
)
@batch_size_option
@device_option
@id_column_option
@sequence_column_option
@click.option("--resume", is_flag=True, help="Keep what is done beside FILE; after a kill, the same command goes on from there.")
def command(
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    output: str,
    format: str | None,
    on_error: Literal["fail", "skip"],
    batch_size: int | None,
    device: str,
    id_column: str | int | None,
    sequence_column: str | int | None,
    resume: bool,
) -> None:
    """Predict the expression of the sequences in INPUT.

    INPUT is FASTA, FASTQ, TSV, CSV or one sequence a line, plain or gzip, with - for standard input; or a Parquet file. Results
    keep the records' names and order and are written only when every record has been scored. Of an ensemble they are the
    models' means, and their standard deviations in columns of their own.
    """
    from dreamkeras.scoring.pipeline import score_files, score_into_shards, write_parts
    from dreamkeras.scoring.predictor import BATCH_SIZE, PACKAGED_MODEL, load

    from .progress import show_records
    from .results import open_results

    if resume and (output == "-" or "-" in inputs):
        raise click.UsageError("Expected files for INPUT and -o beside --resume, got standard input or output.")
    _refuse_overwriting(inputs, output)
    predictor: Scorer = load(models, device) if len(models) > 1 else load(models[0] if models else PACKAGED_MODEL, device)
    choices: dict[str, Any] = {"on_error": on_error, "id_column": id_column, "sequence_column": sequence_column}
    choices["batch_size"] = batch_size or BATCH_SIZE
    if resume:
        shards = _shards(output, predictor.columns, models or (str(PACKAGED_MODEL),), inputs, choices)
        with show_records() as progress:
            score_into_shards(inputs, predictor, shards, progress=progress, **choices)
        with open_results(output, predictor.columns, format) as writer:
            scored = write_parts(shards, writer)
        shards.remove()
    else:
        with open_results(output, predictor.columns, format) as writer, show_records() as progress:
            scored = score_files(inputs, predictor, writer, progress=progress, **choices)
    if not models:
        click.echo(f"No -m given: used the packaged model {predictor.name} (construct {predictor.construct.name}).", err=True)
    _report_skipped(scored)


def _shards(output: str, columns: tuple[str, ...], models: tuple[str, ...], inputs: tuple[str, ...], choices: dict[str, Any]) -> "Shards":
    """What was done before a kill, in a folder beside the output."""
    from dreamkeras.scoring.shards import Shards, describe_work

    return Shards(Path(f"{output}.unfinished"), describe_work(models, inputs, columns, list(choices.items())))


def _refuse_overwriting(inputs: tuple[str, ...], output: str) -> None:
    """Predictions must not take the place of the sequences they are of."""
    from dreamkeras.errors import InputError

    if Path(output).is_file() and any(Path(path).is_file() and Path(path).samefile(output) for path in inputs):
        raise InputError(f"Expected an output beside the inputs, got {output} for both.")


def _report_skipped(scored: "Scored") -> None:
    if not scored.skipped:
        return
    for reason in scored.reasons:
        click.echo(f"Skipped: {reason}.", err=True)
    click.echo(f"Skipped {scored.skipped:,} of {scored.written + scored.skipped:,} records.", err=True)
