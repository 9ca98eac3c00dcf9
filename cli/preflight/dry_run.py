"""`--dry-run`: the option of several commands, and what follows it. click only, until it is used."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from dreamkeras.genome.windows import Reader
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.variants.run import OpenSink
    from dreamkeras.variants.sources import PairSource, VcfSource

    from .estimate import StandIn
    from .inventory import Line

__all__ = ["dry_run_option", "finish", "rehearse_mutagenesis", "rehearse_predict", "rehearse_variants"]

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Write nothing; tell what would be read and asked, how long it would take, and whether it would fail."
)


def finish(
    scorer: "Scorer",
    rehearse: "Callable[[StandIn, list[Line]], str]",
    batch_size: int,
    files: Sequence[str],
    folders: Sequence[Path] = (),
    results: AbstractContextManager[Any] | None = None,
) -> NoReturn:
    """Prints the report of `estimate.preflight`, and exits with 0 or, if the run would fail, with 1.

    Args:
        scorer: The model.
        rehearse: As of `preflight`.
        batch_size: Likewise.
        files: Files that the run would write; `-` is standard output.
        folders: Folders that it would fill.
        results: Opens the run's results; it is entered and left at once.
    """
    from dreamkeras.files.streams import is_stream

    from .estimate import preflight

    if any(map(is_stream, files)):
        results = None  # to open a pipe is to end it
    report = preflight(scorer, rehearse, batch_size)
    if not report.failure:
        report = report._replace(failure=_cannot_write(files, folders) or _cannot_open(results))
    click.echo(str(report))
    raise SystemExit(1 if report.failure else 0)


def rehearse_predict(
    stand_in: "StandIn", lines: "list[Line]", reader: "Reader", inputs: Sequence[str], on_error: str, batch_size: int
) -> str:
    """All that `predict` does with files and windows, for `estimate.preflight`; adds findings to `lines`, and returns why it would fail."""
    from dreamkeras.files.inputs import rereadable
    from dreamkeras.genome.reference import Genome
    from dreamkeras.scoring.pipeline import score_records

    from .estimate import Discard
    from .inventory import Tally, describe_files, describe_regions

    tally, windows = Tally(stand_in.constructs), reader.windows
    with rereadable(*inputs):
        if windows and windows.genome:
            lines += describe_regions(inputs, Genome(windows.genome))
        else:
            lines += describe_files(inputs, is_table=reader.id_column is not None or reader.sequence_column is not None)
        try:
            records = tally.watch(reader.read(inputs, partial(click.echo, err=True)))
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
    """All that `mutagenesis` does with files and windows; see `rehearse_predict`."""
    from dreamkeras.explain.mutagenesis import mutate_records
    from dreamkeras.files.inputs import rereadable
    from dreamkeras.formats.reading import read_files
    from dreamkeras.scoring.skipped import Skipped

    from .inventory import Line, Tally, describe_files

    tally, letters, skipped = Tally(stand_in.constructs), 0, Skipped()
    with rereadable(*inputs):
        lines += describe_files(inputs, is_table=any(column is not None for column in columns.values()))
        try:
            records = tally.watch(read_files(inputs, **columns))
            for part in mutate_records(records, stand_in, deletions=deletions, on_error="skip", batch_size=batch_size):
                letters += len(part.found.inserts.flat)
                skipped += part.skipped
        finally:
            lines += tally.lines()
    lines.append(Line("Changes", f"of each of {letters:,} letters of inserts"))
    return tally.failure(on_error) or (f"{skipped.reasons[0]}." if skipped.reasons and (on_error == "fail" or not letters) else "")


def rehearse_variants(
    stand_in: "StandIn", lines: "list[Line]", source: "PairSource | VcfSource", open_sink: "OpenSink", batch_size: int
) -> str:
    """All that `variants` does with files and windows; see `rehearse_predict`. It never fails for a variant: each gets a status."""
    from dreamkeras.files.inputs import source_name
    from dreamkeras.variants.run import run_variants
    from dreamkeras.variants.scoring import VariantScorer

    from .inventory import Line, describe_contigs

    lines.append(Line("Input", f"{source_name(source.path)}: {'VCF' if 'chrom' in source.keys else 'table'}"))
    contigs = _Contigs()

    def counting(header: list[bytes]) -> "AbstractContextManager[_Contigs]":
        _try_opening(open_sink(header))
        return nullcontext(contigs)

    summary = run_variants(source, VariantScorer(stand_in, batch_size), counting)
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


def _cannot_write(files: Sequence[str], folders: Sequence[Path]) -> str:
    """Why a file or a folder could not appear; empty if all could."""
    from dreamkeras.files.streams import is_stream

    for output in files:
        above = Path(output).absolute().parent
        if not is_stream(output) and (not _may_be_written_to(above) or Path(output).is_dir()):
            return f"Expected a folder to write {output} into, got {above}, which is none or not to be written to."
    for folder in folders:
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if not _may_be_written_to(above):
            return f"Expected a folder to make {folder} in, got {above}, which is none or not to be written to."
    return ""


def _may_be_written_to(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _cannot_open(results: AbstractContextManager[Any] | None) -> str:
    """Why results could not be opened; empty if they could."""
    from dreamkeras.errors import DreamkerasError

    try:
        _try_opening(results or nullcontext())
    except DreamkerasError as error:
        return str(error)
    return ""


def _try_opening(results: AbstractContextManager[Any]) -> None:
    """Opens results and gives them up, so that they leave nothing."""
    with suppress(_OnlyTried), results:
        raise _OnlyTried


class _OnlyTried(Exception):  # noqa: N818  # no error
    """Ends what was only tried."""
