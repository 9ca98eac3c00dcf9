"""`dreamkeras predict`: predicts the expression of sequences in files."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.formats.names import TABLES, TRACKS

from ..options.cluster import check_cluster, cluster_options, predict_on_cluster
from ..options.confidence import chosen_confidence, confidence_options
from ..options.genome import chosen_reading, chosen_windows, column_option, genome_options, track_settings
from ..options.scoring import chosen_scoring, scoring_options
from ..preflight.dry_run import dry_run_option, finish, rehearse_predict

if TYPE_CHECKING:
    from dreamkeras.scoring.pipeline import PredictionSink, Scored
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.scoring.shards import Shards
    from dreamkeras.sequence.records import Records

__all__ = ["command"]


@click.command(
    "predict",
    epilog="\b\nExamples:\n  dreamkeras predict promoters.fa\n"
    "  dreamkeras predict promoters.tsv.gz -m runs/mine -o predictions.csv --interval 0.95",
)
@scoring_options((*TABLES, *TRACKS), "results")
@confidence_options
@genome_options()
@column_option
@cluster_options
@click.option("--resume", is_flag=True, help="Save progress in a folder next to FILE. After an interruption, repeat the command to resume.")
@dry_run_option
def command(
    engine: str,
    ray_address: str | None,
    resume: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Predict the expression of the sequences in INPUT.

    INPUT is a FASTA, FASTQ, TSV, CSV or Parquet file, or a text file with one sequence per line. All formats except Parquet may be
    compressed with gzip. For standard input, INPUT is -. With --genome, INPUT is BED or narrowPeak. With --tile but without --genome, INPUT
    is a genome in FASTA format.

    Results keep the names and the order of the records. Regions and tiles are named after their positions. With an ensemble, the results
    contain the mean prediction of the models and, in a second column for each task, the standard deviation.
    """
    from dreamkeras.files.inputs import rereadable
    from dreamkeras.formats.writers import choose_format
    from dreamkeras.genome.windows import NAME

    from ..opening import report_packaged
    from ..results import check_resume, model_files, open_results, open_shards, refuse_clashes, report_skipped

    given = chosen_scoring(options)
    inputs, models, output = given.inputs, given.models, given.output
    if dry_run and engine != "local":
        raise click.UsageError(f"--dry-run requires --engine local, got {engine}.")
    track, windows = _track(output, given.format, options), chosen_windows(options, given.columns, given.on_error)
    check_resume(inputs, output, resume=resume, is_measured=given.is_measured)
    check_cluster(inputs, output, engine, ray_address, is_track=track is not None, is_measured=given.is_measured)
    scorer, size = given.open_models("cpu" if engine == "ray" else None)
    if engine == "local" and windows and windows.genome:
        click.get_current_context().with_resource(rereadable(*inputs))  # the names and contigs of BED files are read first
    reading = chosen_reading(inputs, windows, given.columns, scorer.constructs)
    settings = track_settings(inputs, windows, options.pop("column"), track)
    if engine == "local" and track is None and NAME not in scorer.columns:
        reading = reading.with_names(inputs)
    refuse_clashes((*reading.files, *model_files(models)), output)
    if track is None and engine == "local":
        choose_format(output, given.format)  # refuses an unknown format before scoring: --resume opens the output only at the end
    confidence = chosen_confidence(options)
    if confidence:
        scorer = confidence.add_to(scorer)
        if note := getattr(scorer, "note", ""):
            click.echo(note, err=True)
    choices: dict[str, Any] = {"on_error": given.on_error, "batch_size": size}
    results = open_results(output, scorer.columns, given.format, settings, scorer.texts, reading.reader.keys)
    if dry_run:
        rehearse = partial(rehearse_predict, reader=reading.reader, inputs=inputs, **choices)
        finish(scorer, rehearse, size, [output], results=results)
    if engine == "ray":
        scored = predict_on_cluster(given, reading.reader, confidence, ray_address, resume=resume, **choices)
    else:
        # the key "judging" is kept, because unfinished folders of older versions contain it
        made_with = list({**choices, **reading.choices, "judging": confidence}.items())
        with open_shards(output, scorer.columns, models, reading.files, made_with, resume=resume) as shards:
            scored = _score(reading.reader.read(inputs, partial(click.echo, err=True)), scorer, results, shards, choices)
    report_packaged(models, scorer)
    report_skipped(scored, output)


def _track(output: str, format: str | None, options: dict[str, Any]) -> str | None:
    """Returns the track format of the results, or None for a table.

    Raises:
        click.UsageError: `--column` is given for a table, or `--flag-unusual` for a track.
    """
    from dreamkeras.formats.tracks import track_format

    track = track_format(output, format)
    if options["column"] is not None and track is None:
        raise click.UsageError("--column requires a bedGraph or bigWig file as output, because a table contains all columns.")
    if options["flag_unusual"] and track is not None:
        raise click.UsageError("--flag-unusual requires a table as output, because a track contains only numbers.")
    return track


def _score(
    records: "Iterable[Records]",
    scorer: "Scorer",
    results: "AbstractContextManager[PredictionSink]",
    shards: "Shards | None",
    choices: dict[str, Any],
) -> "Scored":
    """Scores records without a cluster.

    Predictions are written to the output file or, with `--resume`, to shards that are joined into this file at the end.
    """
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
