"""`dreamkeras ablate`: predicts the effect of shuffling spans of sequences."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.explain.names import ABLATION_METHODS
from dreamkeras.formats.names import TABLES

from ..options.explanation import span_option
from ..options.genome import chosen_reading, chosen_windows, files_to_read, genome_options
from ..options.numbers import WholeRange
from ..options.scoring import chosen_scoring, scoring_options
from ..options.shared import refuse_unused

if TYPE_CHECKING:
    from dreamkeras.explain.ablation_files import AblationTable
    from dreamkeras.explain.parts import Span
    from dreamkeras.explain.spans import RegionSpans

__all__ = ["command"]


OPTIONS = (
    click.option(
        "--spans",
        type=click.Path(),
        metavar="BED",
        help="BED file of spans in the inserts, with sequence names in the first column.  [default: windows along each insert]",
    ),
    click.option("--window", type=WholeRange(min=1), metavar="N", help="Window length in bases.  [default: 10]"),
    click.option(
        "--step",
        type=WholeRange(min=1),
        metavar="N",
        help="Distance between the starts of two windows, in bases.  [default: half a window]",
    ),
    click.option(
        "--method",
        type=click.Choice(ABLATION_METHODS),
        default="dinucleotides",
        show_default=True,
        help="Ablation method: a shuffle that keeps the dinucleotide counts (dinucleotides), a shuffle of single bases (letters), "
        "or replacement of each base with N (unknown).",
    ),
    click.option("--shuffles", type=WholeRange(min=1), metavar="N", help="Number of shuffles of each span.  [default: 20]"),
    click.option("--seed", type=WholeRange(min=0), metavar="N", help="Random seed for the shuffles.  [default: 0]"),
)


@click.command("ablate", epilog="\b\nExample:\n  dreamkeras ablate promoters.fa -m runs/mine --window 10 --step 5 -o effects.tsv")
@scoring_options(TABLES, "effects", *OPTIONS)
@span_option
@genome_options("--region-window")
def command(
    spans: str | None,
    window: int | None,
    step: int | None,
    method: str,
    shuffles: int | None,
    seed: int | None,
    span: "Span | None",
    **options: Any,
) -> None:
    """Predict the effect of shuffling spans of the sequences in INPUT.

    INPUT may have any format that `dreamkeras predict` reads, including regions with --genome and tiles with --tile. Each span of --spans,
    or by default each window along an insert, is shuffled while the rest of the sequence stays unchanged. Each row of the results describes
    one span: the name of its sequence, and the start and end of the span as in BED. For each task, the row has the effect: the mean
    prediction of the shuffled sequences minus the prediction of the original sequence. If each span is shuffled several times, the row also
    has the standard deviation of the effect over the shuffles. The effect is nan if every shuffle of the span is equal to the span.
    """
    if spans and (window or step):
        raise click.UsageError("--spans cannot be combined with --window or --step.")
    if spans and span:
        raise click.UsageError("--spans cannot be combined with --span.")
    if method == "unknown":
        refuse_unused("with --method unknown", shuffles=shuffles, seed=seed)

    from dreamkeras.explain.ablation import Ablator
    from dreamkeras.explain.ablation_files import LABELS, AblationTable
    from dreamkeras.explain.effect_files import effect_columns, write_effects
    from dreamkeras.explain.spans import RegionSpans, slide
    from dreamkeras.formats.writers import ID, open_writer
    from dreamkeras.genome.bed import read_bed

    from ..opening import report_packaged
    from ..progress import show_records
    from ..results import leave_manifest, model_files, refuse_clashes, report_skipped

    given = chosen_scoring(options)
    windows = chosen_windows(options, given.columns, given.on_error, "--region-window")
    files = (*files_to_read(given.inputs, windows), *([spans] if spans else []))
    refuse_clashes((*files, *model_files(given.models)), given.output)
    regions, width = RegionSpans(read_bed(spans).regions) if spans else None, window or 10
    spans_of = regions or (lambda _ids, inserts: slide(inserts, width, step or max(1, width // 2)))
    scorer, size = given.open_models()
    reader = chosen_reading(given.inputs, windows, given.columns, scorer.constructs, "--region-window").reader
    ablator = Ablator(scorer, method, shuffles=shuffles or 20, seed=seed or 0, batch_size=size)
    names = effect_columns(scorer.tasks, has_sd=ablator.has_sd)
    with show_records("windows") as progress, open_writer(given.output, names, given.format, {**ID, **LABELS}) as writer:
        records = reader.read(given.inputs, partial(click.echo, err=True))
        table = AblationTable(writer)
        scored = write_effects(ablator.ablate_records(records, spans_of, given.on_error, progress, span=span), [table])
        if regions and spans:
            _report_missing(regions, spans)
    leave_manifest(given.output, given.models, files)
    report_packaged(given.models, scorer)
    _report_unshuffled(table, method)
    report_skipped(scored, given.output)


def _report_unshuffled(table: "AblationTable", method: str) -> None:
    """Prints the number of spans that every shuffle leaves unchanged."""
    if table.unshuffled:
        advice = " Choose --method letters or longer spans." if method == "dinucleotides" else ""
        rows = f"{table.unshuffled:,} of {table.rows:,} spans"
        click.echo(f"The effect of {rows} is nan, because every shuffle of the span is equal to the span.{advice}", err=True)


def _report_missing(regions: "RegionSpans", path: str) -> None:
    """Prints the number of spans whose sequence name does not occur in INPUT.

    Raises:
        InputError: The first column of the BED file contains no name of a sequence in INPUT.
    """
    from dreamkeras.errors import InputError

    if regions.missing == len(regions):
        raise InputError(f"The first column of {path} contains no name of a sequence in INPUT.")
    if regions.missing:
        click.echo(f"Skipped spans of sequences that are not in INPUT: {regions.missing:,} of {len(regions):,}.", err=True)
