"""`dreamkeras mutagenesis`: predicts the effect of every single-base change of sequences."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.explain.names import EFFECT_FORMATS

from ..options.explanation import explanation_options, explanation_outputs, open_explanations, span_option
from ..options.genome import chosen_reading, chosen_windows, files_to_read, genome_options
from ..options.scoring import chosen_scoring, scoring_options
from ..preflight.dry_run import dry_run_option, finish, rehearse_mutagenesis

if TYPE_CHECKING:
    from dreamkeras.explain.mutagenesis import BatchResult, Mutagenesis
    from dreamkeras.explain.parts import Span
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.scoring.shards import Shards
    from dreamkeras.sequence.records import Records

__all__ = ["command"]


@click.command("mutagenesis", epilog="\b\nExample:\n  dreamkeras mutagenesis promoters.fa -m runs/mine -o effects.tsv --logos logos")
@scoring_options(
    EFFECT_FORMATS, "effects", click.option("--deletions", is_flag=True, help="Also predict the effect of deleting each base.")
)
@span_option
@explanation_options
@genome_options()
@click.option("--resume", is_flag=True, help="Save progress in a folder next to FILE. After an interruption, repeat the command to resume.")
@dry_run_option
def command(deletions: bool, span: "Span | None", resume: bool, dry_run: bool, **options: Any) -> None:
    """Predict the effect of every single-base change of the sequences in INPUT.

    INPUT is a FASTA, FASTQ, TSV, CSV or Parquet file, or a text file with one sequence per line. All formats except Parquet may be
    compressed with gzip. For standard input, INPUT is -. With --genome, INPUT is BED or narrowPeak. With --tile but without --genome, INPUT
    is a genome in FASTA format. Each base of each insert is replaced with every other base, while adapters stay unchanged.

    Each row of the results describes one change, with the name of the sequence, the 1-based position in the insert, and the original and
    the new base. For each task, the row has the effect: the prediction for the mutant minus the prediction for the original sequence. With
    an ensemble, the row has the mean and the standard deviation of the effect over the models. If FILE ends in .npz, the file holds the
    effects as arrays.
    """
    from dreamkeras.explain.effect_files import choose_effect_format, effect_columns, open_effects, write_effects

    from ..opening import report_packaged
    from ..results import check_resume, leave_manifest, model_files, open_shards, refuse_clashes, report_skipped

    given = chosen_scoring(options)
    inputs, models, output = given.inputs, given.models, given.output
    windows = chosen_windows(options, given.columns, given.on_error)
    check_resume(inputs, output, resume=resume, is_measured=given.is_measured)
    beside = explanation_outputs(options)
    refuse_clashes((*files_to_read(inputs, windows), *model_files(models)), output, *beside.files, *beside.folders)
    choose_effect_format(output, given.format)  # refuses an unknown format before scoring: --resume opens the output only at the end
    explaining = open_explanations(options)
    scorer, size = given.open_models()
    has_sd = len(scorer.members) > 1
    reading = chosen_reading(inputs, windows, given.columns, scorer.constructs)
    choices: dict[str, Any] = {"deletions": deletions, "on_error": given.on_error, "batch_size": size, **({"span": span} if span else {})}
    results = open_effects(output, scorer.tasks, given.format, has_sd=has_sd)
    if dry_run:
        rehearse = partial(rehearse_mutagenesis, reader=reading.reader, inputs=inputs, **choices)
        finish(scorer, rehearse, size, [output, *beside.files], beside.folders, results)
    names = effect_columns(scorer.tasks, has_sd=has_sd)
    made_with = list({**choices, **reading.choices}.items())
    with open_shards(output, names, models, reading.files, made_with, resume=resume) as shards:
        with ExitStack() as stack:
            explanations = stack.enter_context(explaining(scorer.tasks))  # locks the output folders before scoring
            parts = stack.enter_context(_found(reading.reader.read(inputs, partial(click.echo, err=True)), scorer, shards, choices))
            scored = write_effects(parts, [stack.enter_context(results), *explanations])
        if shards:
            shards.remove()
    leave_manifest(output, models, reading.files)
    report_packaged(models, scorer)
    report_skipped(scored, output)


@contextmanager
def _found(
    records: "Iterable[Records]", scorer: "Scorer", shards: "Shards | None", choices: dict[str, Any]
) -> "Iterator[Iterable[BatchResult[Mutagenesis]]]":
    """Yields the effects while they are computed. If `shards` is given, yields the effects only after all have been computed."""
    from dreamkeras.explain.effect_shards import mutate_into_shards, shard_parts
    from dreamkeras.explain.mutagenesis import mutate_records

    from ..progress import show_records

    with show_records("mutants") as progress:
        if shards is None:
            with closing(mutate_records(records, scorer, progress=progress, **choices)) as parts:
                yield parts
            return
        mutate_into_shards(records, scorer, shards, progress=progress, **choices)
    yield shard_parts(shards)
