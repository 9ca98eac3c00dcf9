"""`dreamkeras predict`: sequences in files, predictions out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .cluster_options import check_cluster, cluster_options, predict_on_cluster
from .genome_options import chosen_reading, genome_options
from .options import count_or_auto, device_option, format_option, id_column_option, models_option, output_option, sequence_column_option

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
@click.option(
    "--batch-size",
    type=count_or_auto,
    metavar="N|auto",
    help="Sequences scored at once; more take more memory.  [default: 64]",
)
@click.option("--threads", type=count_or_auto, metavar="N|auto", help="CPU threads; auto measures.  [default: as many as CPUs may be used]")
@device_option
@id_column_option
@sequence_column_option
@genome_options
@cluster_options
@click.option("--resume", is_flag=True, help="Keep what is done beside FILE; after a kill, the same command goes on from there.")
def command(
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    output: str,
    format: str | None,
    on_error: Literal["fail", "skip"],
    batch_size: int | str | None,
    threads: int | str | None,
    device: str,
    id_column: str | int | None,
    sequence_column: str | int | None,
    engine: str,
    ray_address: str | None,
    resume: bool,
    **places: Any,
) -> None:
    """Predict the expression of the sequences in INPUT.

    INPUT is FASTA, FASTQ, TSV, CSV or one sequence a line, plain or gzip, with - for standard input; or a Parquet file. With
    --genome it is BED or narrowPeak, with --tile a genome's FASTA. Results keep the records' names and order, or are
    called by their places, and are written only when every record has been scored. Of an ensemble they are the
    models' means, and their standard deviations in columns of their own.
    """
    from dreamkeras.scoring.cluster import Work
    from dreamkeras.scoring.pipeline import score_into_shards, score_records, write_parts
    from dreamkeras.sequence.tracks import track_format

    from .progress import show_records
    from .results import open_results, refuse_overwriting

    is_measured = "auto" in (batch_size, threads)
    if resume and (output == "-" or "-" in inputs):
        raise click.UsageError("Expected files for INPUT and -o beside --resume, got standard input or output.")
    if resume and is_measured:
        raise click.UsageError("Expected numbers beside --resume, got auto: a measurement may end otherwise the next time.")
    track = track_format(output, format)
    if places["column"] is not None and track is None:
        raise click.UsageError("Expected a bedGraph or bigWig for --column, got a table, which holds all.")
    check_cluster(inputs, output, engine, ray_address, is_track=track is not None, is_measured=is_measured)
    predictor, size = _opened(models, "cpu" if engine == "ray" else device, batch_size, threads)
    columns = {"id_column": id_column, "sequence_column": sequence_column}
    reading = chosen_reading(inputs, predictor, places, columns, track)
    refuse_overwriting(reading.files, output)
    choices: dict[str, Any] = {"on_error": on_error, "batch_size": size}
    results = open_results(output, predictor.columns, format, reading.track)
    if engine == "ray":
        work = Work(models, output, format or "tsv", reading.reader, device=device, threads=int(threads or 1), **choices)
        scored = predict_on_cluster(inputs, work, ray_address, resume=resume)
    elif resume:
        made_with = list({**choices, **reading.choices}.items())
        shards = _shards(output, predictor.columns, models, reading.files, made_with)
        with show_records() as progress:
            score_into_shards(reading.reader.read(inputs), predictor, shards, progress=progress, **choices)
        with results as writer:
            scored = write_parts(shards, writer)
        shards.remove()
    else:
        with results as writer, show_records() as progress:
            scored = score_records(reading.reader.read(inputs), predictor, writer, progress=progress, **choices)
    if not models:
        click.echo(f"No -m given: used the packaged model {predictor.name} (construct {predictor.construct.name}).", err=True)
    _report_skipped(scored)


def _opened(models: tuple[str, ...], device: str, batch_size: int | str | None, threads: int | str | None) -> "tuple[Scorer, int]":
    """The model, and how many sequences it is asked about at once."""
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


def _shards(output: str, columns: tuple[str, ...], models: tuple[str, ...], files: tuple[str, ...], choices: list[Any]) -> "Shards":
    """What was done before a kill, in a folder beside the output."""
    from dreamkeras.scoring.predictor import PACKAGED_MODEL
    from dreamkeras.scoring.shards import Shards, describe_work

    return Shards(Path(f"{output}.unfinished"), describe_work(models or (str(PACKAGED_MODEL),), files, columns, choices))


def _report_skipped(scored: "Scored") -> None:
    if not scored.skipped:
        return
    for reason in scored.reasons:
        click.echo(f"Skipped: {reason}.", err=True)
    click.echo(f"Skipped {scored.skipped:,} of {scored.written + scored.skipped:,} records.", err=True)
