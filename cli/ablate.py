"""`dreamkeras ablate`: sequences in files, what is lost where spans of them are shuffled out."""

from typing import TYPE_CHECKING, Literal

import click

from .options import (
    ABLATION_METHODS,
    TABLE_FORMATS,
    device_option,
    id_column_option,
    models_option,
    on_error_option,
    output_option,
    refuse_unused,
    sequence_column_option,
    sequences_at_once_option,
    threads_option,
)

if TYPE_CHECKING:
    from dreamkeras.analysis.ablation import RegionSpans

__all__ = ["command"]


@click.command("ablate")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(allow_dash=True))
@models_option
@output_option
@click.option("--format", type=click.Choice(TABLE_FORMATS), help="Format of the effects.  [default: by FILE's suffix, else tsv]")
@click.option("--spans", type=click.Path(), metavar="BED", help="Spans of the inserts: name, start from 0, end.  [default: windows]")
@click.option("--window", type=click.IntRange(min=1), metavar="N", help="Letters of a window.  [default: 10]")
@click.option("--step", type=click.IntRange(min=1), metavar="N", help="Letters from a window to the next.  [default: half a window]")
@click.option(
    "--method",
    type=click.Choice(ABLATION_METHODS),
    default="dinucleotides",
    show_default=True,
    help="Shuffle letters, their dinucleotides kept or not; or make them N.",
)
@click.option("--shuffles", type=click.IntRange(min=1), metavar="N", help="Of each span.  [default: 20]")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Which shuffles.  [default: 0]")
@on_error_option
@sequences_at_once_option
@threads_option
@device_option
@id_column_option
@sequence_column_option
def command(
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    output: str,
    format: str | None,
    spans: str | None,
    window: int | None,
    step: int | None,
    method: str,
    shuffles: int | None,
    seed: int | None,
    on_error: Literal["fail", "skip"],
    batch_size: int | str | None,
    threads: int | str | None,
    device: str,
    id_column: str | int | None,
    sequence_column: str | int | None,
) -> None:
    """Tell what is lost where spans of the sequences in INPUT are taken out.

    INPUT is as for `predict`. Each span, or each window along an insert, is shuffled while all else stays. A row of the results is
    a span: the sequence's name, start and end as in BED, and for each task the mean prediction of the shuffled sequences minus the
    sequence's, and its standard deviation over the shuffles.
    """
    if spans and (window or step):
        raise click.UsageError("Expected either --spans or windows, got both.")
    if method == "unknown":
        refuse_unused("a --method that shuffles", shuffles=shuffles, seed=seed)

    from dreamkeras.analysis.ablation import Ablator, RegionSpans, slide
    from dreamkeras.analysis.ablation_files import LABELS, AblationTable, ablation_columns
    from dreamkeras.analysis.effect_files import write_effects
    from dreamkeras.sequence.reading import read_files
    from dreamkeras.sequence.regions import read_regions
    from dreamkeras.sequence.writers import ID, open_writer

    from .opening import open_models, report_packaged
    from .progress import show_records
    from .results import held_back, leave_manifest, model_files, refuse_clashes, report_skipped

    files = (*inputs, *([spans] if spans else []))
    refuse_clashes((*files, *model_files(models)), output)
    regions, width = RegionSpans(read_regions(spans)) if spans else None, window or 10
    spans_of = regions or (lambda _ids, inserts: slide(inserts, width, step or max(1, width // 2)))
    predictor, size = open_models(models, device, batch_size, threads)
    ablator = Ablator(predictor, method, shuffles=shuffles or 20, seed=seed or 0, batch_size=size)
    names = ablation_columns(predictor.tasks, has_sd=ablator.has_sd)
    records = read_files(inputs, id_column=id_column, sequence_column=sequence_column)
    with (
        show_records("windows") as progress,
        held_back(output) as path,
        open_writer(path, names, format, {**ID, **LABELS}) as writer,
    ):
        scored = write_effects(ablator.ablate_records(records, spans_of, on_error, progress), [AblationTable(writer)])
        if regions and spans:
            _report_missing(regions, spans)
    leave_manifest(output, models, files)
    report_packaged(models, predictor)
    report_skipped(scored)


def _report_missing(regions: "RegionSpans", path: str) -> None:
    """Says how many spans are in no sequence.

    Raises:
        InputError: None is in one.
    """
    from dreamkeras.errors import InputError

    if regions.missing == len(regions):
        raise InputError(f"Expected spans of the sequences in INPUT, got none of them in {path}.")
    if regions.missing:
        click.echo(f"Left out {regions.missing:,} of {len(regions):,} spans, of other sequences.", err=True)
