"""`--dry-run`: the option of several commands, and what follows it. click only, until it is used."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from dreamkeras.analysis.inventory import Line
    from dreamkeras.analysis.preflight import StandIn
    from dreamkeras.analysis.variant_sources import PairSource, VcfSource
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.sequence.places import Reader

__all__ = ["dry_run_option", "finish", "rehearse_mutagenesis", "rehearse_predict", "rehearse_variants"]

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Write nothing; tell what would be read and asked, how long it would take, and whether it would fail."
)


def finish(scorer: "Scorer", rehearse: "Callable[[StandIn, list[Line]], str]", batch_size: int, output: str) -> NoReturn:
    """Prints a report, and ends with 0 or, where the run would fail, 1; see `analysis.preflight.preflight`."""
    from dreamkeras.analysis.preflight import preflight

    report = preflight(scorer, rehearse, batch_size)
    if not report.failure and (failure := _cannot_write(output)):
        report = report._replace(failure=failure)
    click.echo(str(report))
    raise SystemExit(1 if report.failure else 0)


def rehearse_predict(
    stand_in: "StandIn", lines: "list[Line]", reader: "Reader", inputs: Sequence[str], on_error: str, batch_size: int
) -> str:
    """All that `predict` does with files and windows, for `analysis.preflight.preflight`.

    Args:
        stand_in: In the model's place.
        lines: Where what is found is told.
        reader: How files become records.
        inputs: The files.
        on_error: As in `pipeline.score_records`.
        batch_size: Likewise.
    """
    from dreamkeras.analysis.inventory import Tally, describe_files, describe_regions
    from dreamkeras.analysis.preflight import Discard
    from dreamkeras.scoring.pipeline import score_records
    from dreamkeras.sequence.genome import Genome

    tally, places = Tally(stand_in.constructs), reader.places
    if places and places.genome:
        lines += describe_regions(inputs, Genome(places.genome))
    else:
        lines += describe_files(inputs, is_table=reader.id_column is not None or reader.sequence_column is not None)
    try:
        records = tally.watch(reader.read(inputs))
        score_records(records, stand_in, Discard(), on_error="skip", batch_size=batch_size, may_be_empty=True)
    finally:
        lines += tally.lines()
    return tally.failure(on_error)


def rehearse_mutagenesis(
    stand_in: "StandIn",
    lines: "list[Line]",
    inputs: Sequence[str],
    columns: Mapping[str, str | int | None],
    on_error: str,
    batch_size: int,
    deletions: bool,
) -> str:
    """All that `mutagenesis` does with files and windows; see `rehearse_predict`.

    Args:
        stand_in: In the model's place.
        lines: Where what is found is told.
        inputs: The files.
        columns: The columns of tables that were asked for.
        on_error: As in `mutagenesis.mutate_records`.
        batch_size: Likewise.
        deletions: Likewise.
    """
    from dreamkeras.analysis.inventory import Line, Tally, describe_files
    from dreamkeras.analysis.mutagenesis import mutate_records
    from dreamkeras.sequence.reading import read_files

    tally, letters, reasons = Tally(stand_in.constructs), 0, []
    lines += describe_files(inputs, is_table=any(column is not None for column in columns.values()))
    try:
        records = tally.watch(read_files(inputs, **columns))
        for part in mutate_records(records, stand_in, deletions=deletions, on_error="skip", batch_size=batch_size):
            letters += len(part.found.inserts.flat)
            reasons += part.reasons
    finally:
        lines += tally.lines()
    lines.append(Line("Changes", f"of {letters:,} letters of inserts"))
    return tally.failure(on_error) or (f"{reasons[0]}." if reasons and (on_error == "fail" or not letters) else "")


def rehearse_variants(stand_in: "StandIn", lines: "list[Line]", source: "PairSource | VcfSource", batch_size: int) -> str:
    """All that `variants` does with files and windows; see `rehearse_predict`. It never fails for a variant: each gets a status.

    Args:
        stand_in: In the model's place.
        lines: Where what is found is told.
        source: Where variants come from.
        batch_size: Windows scored at once.
    """
    from dreamkeras.analysis.inventory import Line, describe_contigs
    from dreamkeras.analysis.variant_run import run_variants
    from dreamkeras.analysis.variants import VariantScorer
    from dreamkeras.sequence.sources import source_name

    lines.append(Line("Input", f"{source_name(source.path)}: {'VCF' if 'chrom' in source.keys else 'table'}"))
    contigs = _Contigs()
    summary = run_variants(source, VariantScorer(stand_in, batch_size), lambda _: nullcontext(contigs))
    genome = getattr(source, "genome", None)
    if genome is not None:
        lines += describe_contigs(contigs.counts, genome)
    fit, *others = summary.lines(genome=genome is not None)
    lines += [Line("Fit", fit.removeprefix("Scored ").rstrip(".")), *(Line("Alleles", text.rstrip(".")) for text in others)]
    return ""


class _Contigs:
    """Counts how often each contig comes among variants, and keeps nothing else."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def write(self, _: Any, cells: Sequence[Sequence[Any]], __: Any) -> None:
        """Takes a batch; contigs are its first cells."""
        self.counts.update(cells[0])


def _cannot_write(output: str) -> str:
    """Why a file could not appear; empty if it could."""
    folder = Path(output).absolute().parent
    if output == "-" or (folder.is_dir() and os.access(folder, os.W_OK) and not Path(output).is_dir()):
        return ""
    return f"Expected a folder to write {output} into, got {folder}, which is none or not to be written to."
