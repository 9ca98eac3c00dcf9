"""`dreamkeras mutagenesis`: sequences in files, the effects of all their single changes out."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import click

from .explanation_options import explanation_options, open_explanations
from .options import (
    EFFECT_FORMATS,
    device_option,
    id_column_option,
    models_option,
    on_error_option,
    output_option,
    sequence_column_option,
    sequences_at_once_option,
    threads_option,
)

__all__ = ["command"]


@click.command("mutagenesis")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(allow_dash=True))
@models_option
@output_option
@click.option("--format", type=click.Choice(EFFECT_FORMATS), help="Format of the effects.  [default: by FILE's suffix, else tsv]")
@click.option("--deletions", is_flag=True, help="Leave each letter out, too.")
@on_error_option
@sequences_at_once_option
@threads_option
@device_option
@id_column_option
@sequence_column_option
@explanation_options
def command(
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    output: str,
    format: str | None,
    deletions: bool,
    on_error: Literal["fail", "skip"],
    batch_size: int | str | None,
    threads: int | str | None,
    device: str,
    id_column: str | int | None,
    sequence_column: str | int | None,
    **explanations: Any,
) -> None:
    """Tell what every single change of the sequences in INPUT does to their prediction.

    INPUT is FASTA, FASTQ, TSV, CSV or one sequence a line, plain or gzip, with - for standard input; or a Parquet file. Each letter
    of each insert becomes every other base; adapters stay. A row of the results is a change: the sequence's name, the position in
    the insert from 1, the letter, what it becomes, and for each task the mutant's prediction minus the sequence's. Of an
    ensemble these are the means of its models' effects, and their standard deviations.
    """
    from dreamkeras.analysis.effect_files import open_effects, write_effects
    from dreamkeras.analysis.manifest import write_manifest
    from dreamkeras.analysis.mutagenesis import knows_members, mutate_records
    from dreamkeras.scoring.predictor import PACKAGED_MODEL
    from dreamkeras.sequence.reading import read_files

    from .opening import open_models, report_packaged
    from .progress import show_records
    from .results import held_back, refuse_overwriting, report_skipped

    refuse_overwriting(inputs, output)
    predictor, size = open_models(models, device, batch_size, threads)
    with ExitStack() as stack:
        path = stack.enter_context(held_back(output))
        effects = stack.enter_context(open_effects(path, predictor.tasks, format, has_sd=knows_members(predictor)))
        others = stack.enter_context(open_explanations(predictor.tasks, explanations))
        progress = stack.enter_context(show_records("mutants"))
        records = read_files(inputs, id_column=id_column, sequence_column=sequence_column)
        choices = {"deletions": deletions, "on_error": on_error, "batch_size": size}
        parts = stack.enter_context(closing(mutate_records(records, predictor, progress=progress, **choices)))
        scored = write_effects(parts, [effects, *others])
    if output != "-":
        called = " ".join(["dreamkeras", *sys.argv[1:]])
        write_manifest(Path(f"{output}.manifest.json"), called, models or (str(PACKAGED_MODEL),), inputs)
    report_packaged(models, predictor)
    report_skipped(scored)
