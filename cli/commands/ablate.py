"""`dreamkeras ablate`: sequences in files, what is lost where spans of them are shuffled out."""

from typing import TYPE_CHECKING, Any

import click

from dreamkeras.explain.names import ABLATION_METHODS
from dreamkeras.formats.names import TABLES

from ..options.numbers import WholeRange
from ..options.scoring import chosen_scoring, scoring_options
from ..options.shared import refuse_unused

if TYPE_CHECKING:
    from dreamkeras.explain.ablation import RegionSpans

__all__ = ["command"]


OPTIONS = (
    click.option("--spans", type=click.Path(), metavar="BED", help="Spans of the inserts: name, start from 0, end.  [default: windows]"),
    click.option("--window", type=WholeRange(min=1), metavar="N", help="Letters of a window.  [default: 10]"),
    click.option("--step", type=WholeRange(min=1), metavar="N", help="Letters from a window to the next.  [default: half a window]"),
    click.option(
        "--method",
        type=click.Choice(ABLATION_METHODS),
        default="dinucleotides",
        show_default=True,
        help="Shuffle letters, their dinucleotides kept or not; or make them N.",
    ),
    click.option("--shuffles", type=WholeRange(min=1), metavar="N", help="Of each span.  [default: 20]"),
    click.option("--seed", type=WholeRange(min=0), metavar="N", help="Which shuffles.  [default: 0]"),
)


@click.command("ablate")
@scoring_options(TABLES, "effects", *OPTIONS)
def command(
    spans: str | None, window: int | None, step: int | None, method: str, shuffles: int | None, seed: int | None, **options: Any
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

    from dreamkeras.explain.ablation import Ablator, RegionSpans, slide
    from dreamkeras.explain.ablation_files import LABELS, AblationTable
    from dreamkeras.explain.effect_files import effect_columns, write_effects
    from dreamkeras.formats.writers import ID, open_writer
    from dreamkeras.genome.bed import read_bed

    from ..opening import report_packaged
    from ..progress import show_records
    from ..results import leave_manifest, model_files, refuse_clashes, report_skipped

    given = chosen_scoring(options)
    files = (*given.inputs, *([spans] if spans else []))
    refuse_clashes((*files, *model_files(given.models)), given.output)
    regions, width = RegionSpans(read_bed(spans).regions) if spans else None, window or 10
    spans_of = regions or (lambda _ids, inserts: slide(inserts, width, step or max(1, width // 2)))
    scorer, size = given.open_models()
    ablator = Ablator(scorer, method, shuffles=shuffles or 20, seed=seed or 0, batch_size=size)
    names = effect_columns(scorer.tasks, has_sd=ablator.has_sd)
    with (
        show_records("windows") as progress,
        open_writer(given.output, names, given.format, {**ID, **LABELS}) as writer,
    ):
        scored = write_effects(ablator.ablate_records(given.read(), spans_of, given.on_error, progress), [AblationTable(writer)])
        if regions and spans:
            _report_missing(regions, spans)
    leave_manifest(given.output, given.models, files)
    report_packaged(given.models, scorer)
    report_skipped(scored, given.output)


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
