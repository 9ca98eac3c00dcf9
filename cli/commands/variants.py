"""`dreamkeras variants`: predicts the effects of variants in a VCF or of pairs of sequences in a table."""

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.formats.decimals import is_whole
from dreamkeras.formats.names import TABLES
from dreamkeras.variants.names import INDEL_ANCHORS, STRANDS

from ..options.numbers import WholeRange
from ..options.shared import (
    batch_size_or_auto_option,
    device_option,
    id_column_option,
    models_option,
    output_option,
    threads_option,
)
from ..preflight.dry_run import dry_run_option, finish, rehearse_variants

if TYPE_CHECKING:
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.variants.files import VariantSink
    from dreamkeras.variants.run import OpenSink
    from dreamkeras.variants.scoring import VariantScorer
    from dreamkeras.variants.sources import PairSource, VcfSource

__all__ = ["command"]

WINDOW = ("insert_length", "positions", "strand", "indel_anchor")
"""Options for the windows around variants of a VCF."""

VCF = "vcf"

COLUMNS = ("ref_column", "alt_column", "id_column")
"""Options for the columns of a table."""


def numbers(text: str) -> tuple[int, ...]:
    """Converts comma-separated non-negative whole numbers to a tuple without repeated numbers.

    Raises:
        click.BadParameter: The text is malformed.
    """
    cells = text.split(",")
    if not all(is_whole(cell.strip()) for cell in cells):
        raise click.BadParameter(f"{text!r} is not a list of non-negative whole numbers such as 20,40,60.")
    return tuple(dict.fromkeys(int(cell) for cell in cells))


@click.command("variants", epilog="\b\nExample:\n  dreamkeras variants variants.vcf --genome genome.fa -m runs/mine -o effects.tsv")
@click.argument("path", metavar="IN", type=click.Path(allow_dash=True))
@models_option
@output_option
@click.option(
    "--format",
    type=click.Choice((*TABLES, VCF)),
    help="Format of the results.  [default: the format that the suffix of FILE names, otherwise tsv]",
)
@click.option("--genome", type=click.Path(), metavar="FASTA", help="Reference genome of a VCF.")
@click.option(
    "--insert-length",
    type=WholeRange(min=1),
    metavar="N",
    help="Number of genomic bases in the window.  "
    "[default: the number of bases between adapters and flanks; 80 for yeast, 200 for lentimpra]",
)
@click.option(
    "--positions",
    "--position",
    "--at",
    type=numbers,
    metavar="N[,N...]",
    help="Distance in bases from the start of the genomic part of the window to the first changed base. "
    "With several distances, predictions are averaged.  "
    "[default: the middle]",
)
@click.option(
    "--strand",
    type=click.Choice(STRANDS),
    help="Strand to score. With both, the prediction is the mean over the two strands.  [default: forward]",
)
@click.option(
    "--indel-anchor",
    type=click.Choice(INDEL_ANCHORS),
    help="Edge of the window that stays in place for an insertion or deletion. With mean, predictions are averaged over both edges.  "
    "[default: mean]",
)
@click.option("--ref-column", metavar="NAME", help="Name or 0-based position of the table column with reference sequences.")
@click.option("--alt-column", metavar="NAME", help="Name or 0-based position of the table column with alternative sequences.")
@id_column_option
@click.option("--info-prefix", metavar="TEXT", help="Prefix of the INFO fields in an output VCF.  [default: the prefix DK_]")
@click.option(
    "--percentile",
    is_flag=True,
    help="Add TASK_effect_percentile, the percentage of random single-base changes with a smaller absolute effect.",
)
@batch_size_or_auto_option
@threads_option
@device_option
@click.option("--resume", is_flag=True, help="Save progress in a folder next to FILE. After an interruption, repeat the command to resume.")
@dry_run_option
def command(path: str, models: tuple[str, ...], output: str, format: str | None, *, dry_run: bool, **choices: Any) -> None:
    """Predict the effects of variants in a VCF, or of pairs of sequences in a table.

    With --genome, IN is a VCF, plain or compressed with gzip or bgzip. Otherwise, IN is a TSV, CSV or Parquet table with a reference and
    an alternative sequence in each row. Alleles of a VCF are trimmed and left-aligned against the genome, so that equivalent
    representations of a variant have the same effect.

    Each alternative allele of a VCF becomes a row with the columns chrom, pos, id, ref, alt, norm_pos, norm_ref, norm_alt and
    status. The columns that begin with norm_ describe the normalised variant. Each row of a table of pairs becomes a row with the columns
    id and status.

    For each task, the next columns are TASK_ref, TASK_alt and TASK_effect: the predictions of both alleles and their difference. These
    columns have values only if the status is ok. With several models, the predictions are means, and two columns are added: TASK_effect_sd,
    the standard deviation of the effect, and TASK_agreement, the share of models that agree on the sign of the effect. --percentile adds
    TASK_effect_percentile.

    If FILE ends in .vcf or .vcf.gz, the output is a copy of the input VCF. The status, the normalised variant and the predictions
    are added as INFO fields.
    """
    is_vcf = _check_usage(path, output, format, choices)
    from dreamkeras.confidence.background import effect_percentile
    from dreamkeras.variants.run import run_variants
    from dreamkeras.variants.scoring import VariantScorer

    from ..opening import open_models, report_packaged
    from ..progress import show_records
    from ..results import leave_manifest, model_files, open_shards, refuse_clashes

    files = (path, choices["genome"]) if choices["genome"] else (path,)
    refuse_clashes((*files, *model_files(models)), output)
    scorer, size = open_models(models, *(choices[name] for name in ("device", "batch_size", "threads")))
    source = _source(path, scorer, choices)
    variants = VariantScorer(scorer, size, [effect_percentile(scorer)] if choices["percentile"] else [])
    open_sink = (
        _vcf_sink(variants, scorer.name, output, choices["info_prefix"]) if is_vcf else _table_sink(source, variants, output, format)
    )
    if dry_run:
        finish(scorer, partial(rehearse_variants, source=source, open_sink=open_sink, batch_size=size), size, [output])
    made_with = [[name, choices[name]] for name in (*WINDOW, *COLUMNS, "genome", "batch_size")]
    with open_shards(output, variants.names, models, files, made_with, resume=choices["resume"]) as shards:
        with show_records() as progress:
            summary = run_variants(source, variants, open_sink, shards=shards, progress=progress)
        leave_manifest(output, models, files, {**source.choices(), "alleles": summary.words()})
        if shards is not None:
            shards.remove()
    report_packaged(models, scorer)
    if scorer.has_spread and len(scorer.members) == 1:
        click.echo(
            f"{scorer.name} is an ensemble in one file. To obtain the standard deviation of effects, name its models separately with -m.",
            err=True,
        )
    for line in summary.lines(genome=choices["genome"] is not None):
        click.echo(line, err=True)


def _check_usage(path: str, output: str, format: str | None, choices: dict[str, Any]) -> bool:
    """Refuses options that cannot be combined, and returns whether the output is a VCF.

    Raises:
        click.UsageError: Options cannot be combined.
    """
    from dreamkeras.variants.files import is_vcf_name

    from ..results import check_resume

    others = COLUMNS if choices["genome"] else WINDOW
    for name in others:
        if choices[name] is not None:
            wanted = "a table" if choices["genome"] else "a VCF and --genome FASTA"
            raise click.UsageError(f"--{name.replace('_', '-')} requires {wanted}, got {'a VCF' if choices['genome'] else 'a table'}.")
    is_vcf = format == VCF or (format is None and is_vcf_name(output))
    if is_vcf and not choices["genome"]:
        raise click.UsageError("Writing a VCF requires --genome FASTA, because IN is read as a table without --genome.")
    if choices["info_prefix"] is not None and not is_vcf:
        raise click.UsageError("--info-prefix requires a VCF as output, got a table.")
    check_resume([path], output, resume=choices["resume"], is_measured="auto" in (choices["batch_size"], choices["threads"]))
    return is_vcf


def _source(path: str, scorer: "Scorer", choices: dict[str, Any]) -> "PairSource | VcfSource":
    from dreamkeras.genome.reference import Genome
    from dreamkeras.variants.sources import PairSource, VcfSource
    from dreamkeras.variants.windows import Placement

    if choices["genome"] is None:
        return PairSource(path, scorer.constructs, **{name: choices[name] for name in COLUMNS})
    length, positions, strand, indel_anchor = (choices[name] for name in WINDOW)
    placement = Placement.choose(scorer.constructs, length, positions or (), strand or "forward", indel_anchor or "mean")
    return VcfSource(path, Genome(choices["genome"]), placement, scorer.constructs)


def _table_sink(source: "PairSource | VcfSource", variants: "VariantScorer", output: str, format: str | None) -> "OpenSink":
    from dreamkeras.formats.writers import choose_format
    from dreamkeras.variants.files import open_table_sink

    chosen = choose_format(output, format)
    return lambda _: open_table_sink(output, source.keys, variants.names, chosen)


def _vcf_sink(variants: "VariantScorer", model: str, output: str, prefix: str | None) -> "OpenSink":
    from dreamkeras.formats.vcf_info import annotated_header
    from dreamkeras.variants.files import PREFIX, info_fields, open_vcf_sink

    fields = info_fields(variants.columns, variants.tasks, PREFIX if prefix is None else prefix)

    def open_sink(header: Sequence[bytes]) -> "contextlib.AbstractContextManager[VariantSink]":
        return open_vcf_sink(output, annotated_header(header, fields, model), fields)

    return open_sink
