"""`dreamkeras predict`: sequences in files, predictions out."""

from typing import Any, Literal

import click

from .cluster_options import check_cluster, cluster_options, predict_on_cluster
from .genome_options import chosen_reading, genome_options
from .options import (
    device_option,
    format_option,
    id_column_option,
    models_option,
    on_error_option,
    output_option,
    sequence_column_option,
    sequences_at_once_option,
    threads_option,
)

__all__ = ["command"]


@click.command("predict")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(allow_dash=True))
@models_option
@output_option
@format_option
@on_error_option
@sequences_at_once_option
@threads_option
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

    from .opening import open_models, report_packaged
    from .progress import show_records
    from .results import check_resume, open_results, open_shards, refuse_overwriting, report_skipped

    is_measured = "auto" in (batch_size, threads)
    check_resume(inputs, output, resume=resume, is_measured=is_measured)
    track = track_format(output, format)
    if places["column"] is not None and track is None:
        raise click.UsageError("Expected a bedGraph or bigWig for --column, got a table, which holds all.")
    check_cluster(inputs, output, engine, ray_address, is_track=track is not None, is_measured=is_measured)
    predictor, size = open_models(models, "cpu" if engine == "ray" else device, batch_size, threads)
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
        shards = open_shards(output, predictor.columns, models, reading.files, made_with)
        with show_records() as progress:
            score_into_shards(reading.reader.read(inputs), predictor, shards, progress=progress, **choices)
        with results as writer:
            scored = write_parts(shards, writer)
        shards.remove()
    else:
        with results as writer, show_records() as progress:
            scored = score_records(reading.reader.read(inputs), predictor, writer, progress=progress, **choices)
    report_packaged(models, predictor)
    report_skipped(scored)
