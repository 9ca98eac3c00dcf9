"""`dreamkeras predict`: sequences in files, predictions out."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.formats.names import TABLES, TRACKS

from ..options.cluster import check_cluster, cluster_options, predict_on_cluster
from ..options.confidence import chosen_confidence, confidence_options
from ..options.genome import chosen_reading, genome_options
from ..options.scoring import chosen_scoring, scoring_options
from ..preflight.dry_run import dry_run_option, finish, rehearse_predict

if TYPE_CHECKING:
    from dreamkeras.scoring.pipeline import PredictionSink, Scored
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.scoring.shards import Shards
    from dreamkeras.sequence.records import Records

__all__ = ["command"]


@click.command("predict")
@scoring_options((*TABLES, *TRACKS), "results")
@confidence_options
@genome_options
@cluster_options
@click.option("--resume", is_flag=True, help="Keep what is done beside FILE; after a kill, the same command goes on from there.")
@dry_run_option
def command(
    engine: str,
    ray_address: str | None,
    resume: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Predict the expression of the sequences in INPUT.

    INPUT is FASTA, FASTQ, TSV, CSV or one sequence a line, plain or gzip, or a Parquet file; - is standard input. With
    --genome it is BED or narrowPeak, with --tile a genome's FASTA. Results keep the records' names and order, or are
    called by their places, and are written only when every record has been scored. Of an ensemble they are the
    models' means, and their standard deviations in columns of their own.
    """
    from dreamkeras.formats.writers import choose_format

    from ..opening import report_packaged
    from ..results import check_resume, model_files, open_results, open_shards, refuse_clashes, report_skipped

    given = chosen_scoring(options)
    inputs, models, output = given.inputs, given.models, given.output
    if dry_run and engine != "local":
        raise click.UsageError(f"Expected --engine local beside --dry-run, got {engine}.")
    track = _track(output, given.format, options)
    check_resume(inputs, output, resume=resume, is_measured=given.is_measured)
    check_cluster(inputs, output, engine, ray_address, is_track=track is not None, is_measured=given.is_measured)
    scorer, size = given.open_models("cpu" if engine == "ray" else None)
    reading = chosen_reading(inputs, scorer, options, given.columns, track)
    refuse_clashes((*reading.files, *model_files(models)), output)
    if track is None and engine == "local":
        choose_format(output, given.format)  # with --resume, results are opened last
    confidence = chosen_confidence(options)
    if confidence:
        scorer = confidence.add_to(scorer)
    choices: dict[str, Any] = {"on_error": given.on_error, "batch_size": size}
    results = open_results(output, scorer.columns, given.format, reading.track, scorer.texts)
    if dry_run:
        rehearse = partial(rehearse_predict, reader=reading.reader, inputs=inputs, **choices)
        finish(scorer, rehearse, size, [output], results=results)
    if engine == "ray":
        scored = predict_on_cluster(given, reading.reader, confidence, ray_address, resume=resume, **choices)
    else:
        # "judging": its name in folders that older versions left unfinished
        made_with = list({**choices, **reading.choices, "judging": confidence}.items())
        with open_shards(output, scorer.columns, models, reading.files, made_with, resume=resume) as shards:
            scored = _score(reading.reader.read(inputs, partial(click.echo, err=True)), scorer, results, shards, choices)
    report_packaged(models, scorer)
    report_skipped(scored, output)


def _track(output: str, format: str | None, options: dict[str, Any]) -> str | None:
    """The format of a track, where results are one and options go with it."""
    from dreamkeras.formats.tracks import track_format

    track = track_format(output, format)
    if options["column"] is not None and track is None:
        raise click.UsageError("Expected a bedGraph or bigWig for --column, got a table, which holds all.")
    if options["flag_unusual"] and track is not None:
        raise click.UsageError("Expected a table for --flag-unusual, got a track, which holds numbers.")
    return track


def _score(
    records: "Iterable[Records]",
    scorer: "Scorer",
    results: "AbstractContextManager[PredictionSink]",
    shards: "Shards | None",
    choices: dict[str, Any],
) -> "Scored":
    """Scores records here, in one go or into shards that the results are then made of."""
    from dreamkeras.scoring.pipeline import score_into_shards, score_records, write_parts

    from ..progress import show_records

    if shards is None:
        with results as writer, show_records() as progress:
            return score_records(records, scorer, writer, progress=progress, **choices)
    with show_records() as progress:
        score_into_shards(records, scorer, shards, progress=progress, **choices)
    with results as writer:
        scored = write_parts(shards, writer)
    shards.remove()
    return scored
