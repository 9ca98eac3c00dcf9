"""Defines the option `--dry-run`, and rehearses `predict`, `mutagenesis` and `variants`. At import, the module loads only click."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from dreamkeras.explain.parts import Span
    from dreamkeras.genome.windows import Reader
    from dreamkeras.scoring.scorer import Scorer
    from dreamkeras.variants.run import OpenSink
    from dreamkeras.variants.sources import PairSource, VcfSource

    from .estimate import StandIn
    from .inventory import Line

__all__ = ["dry_run_option", "finish", "rehearse_mutagenesis", "rehearse_predict", "rehearse_variants"]

dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Report the inputs, the number of model calls, the expected time, and whether the run would fail. Write nothing.",
)


def finish(
    scorer: "Scorer",
    rehearse: "Callable[[StandIn, list[Line]], str]",
    batch_size: int,
    files: Sequence[str],
    folders: Sequence[Path] = (),
    results: AbstractContextManager[Any] | None = None,
) -> NoReturn:
    """Prints the report of `estimate.preflight` and exits with code 0, or with code 1 if the run would fail.

    Args:
        scorer: Model of the run.
        rehearse: Rehearsal, as for `estimate.preflight`.
        batch_size: Number of windows scored at a time.
        files: Files that the run would write. `-` is standard output.
        folders: Folders that the run would write to.
        results: Context manager that opens the results of the run. The context is entered and left immediately, to test whether the results
            can be opened.
    """
    from dreamkeras.files.streams import is_stream

    from ..hints import error_hints
    from ..results import echo_result
    from .estimate import preflight

    if any(map(is_stream, files)):
        results = None  # closing a pipe would signal the end of the data to its reader
    report = preflight(scorer, rehearse, batch_size)
    if not report.failure:
        report = report._replace(failure=_cannot_write(files, folders) or _cannot_open(results))
    hints = error_hints(click.get_current_context(), report.failure)
    echo_result(str(report._replace(failure=f"{report.failure}{hints}")))
    raise SystemExit(1 if report.failure else 0)


def rehearse_predict(
    stand_in: "StandIn", lines: "list[Line]", reader: "Reader", inputs: Sequence[str], on_error: str, batch_size: int
) -> str:
    """Runs `predict` with a stand-in for the model, for `estimate.preflight`.

    Args:
        stand_in: Stand-in for the model.
        lines: Lines of the report. Findings are appended.
        reader: Reader of the records.
        inputs: Input files.
        on_error: Value of `--on-error`.
        batch_size: Number of windows scored at a time.

    Returns:
        The error with which the run would fail, or an empty string if the run would succeed.
    """
    from dreamkeras.files.inputs import rereadable
    from dreamkeras.scoring.pipeline import score_records

    from .estimate import Discard
    from .inventory import Tally

    tally = Tally(stand_in.constructs)
    with rereadable(*inputs):
        lines += _describe(inputs, reader)
        try:
            records = tally.watch(reader.read(inputs, partial(click.echo, err=True)))
            score_records(records, stand_in, Discard(), on_error="skip", batch_size=batch_size, may_be_empty=True)
        finally:
            lines += tally.lines()
    return tally.failure(on_error)


def _describe(inputs: Sequence[str], reader: "Reader") -> "list[Line]":
    """Returns the lines of the report on the input files."""
    from dreamkeras.genome.reference import Genome

    from .inventory import describe_files, describe_regions

    if reader.windows and reader.windows.genome:
        return describe_regions(inputs, Genome(reader.windows.genome))
    return describe_files(inputs, is_table=reader.id_column is not None or reader.sequence_column is not None)


def rehearse_mutagenesis(
    stand_in: "StandIn",
    lines: "list[Line]",
    reader: "Reader",
    inputs: Sequence[str],
    on_error: str,
    batch_size: int,
    deletions: bool,
    span: "Span | None" = None,
) -> str:
    """Runs `mutagenesis` with a stand-in for the model, as `rehearse_predict` does for `predict`."""
    from dreamkeras.explain.mutagenesis import mutate_records
    from dreamkeras.files.inputs import rereadable
    from dreamkeras.scoring.skipped import Skipped

    from .inventory import Line, Tally

    tally, letters, skipped = Tally(stand_in.constructs), 0, Skipped()
    with rereadable(*inputs):
        lines += _describe(inputs, reader)
        try:
            records = tally.watch(reader.read(inputs, partial(click.echo, err=True)))
            for part in mutate_records(records, stand_in, deletions=deletions, span=span, on_error="skip", batch_size=batch_size):
                letters += len(part.found.inserts.flat)
                skipped += part.skipped
        finally:
            lines += tally.lines()
    lines.append(Line("Changes", f"at {letters:,} positions of the inserts"))
    return tally.failure(on_error) or (f"{skipped.reasons[0]}." if skipped.reasons and (on_error == "fail" or not letters) else "")


def rehearse_variants(
    stand_in: "StandIn", lines: "list[Line]", source: "PairSource | VcfSource", open_sink: "OpenSink", batch_size: int
) -> str:
    """Runs `variants` with a stand-in for the model, as `rehearse_predict` does for `predict`.

    The returned error is always empty: an allele that cannot be scored gets a status and does not stop the run.
    """
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
    """Counts the variants of each contig and discards the results."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def write(self, _: Any, cells: Sequence[Sequence[Any]], __: Any) -> None:
        """Counts the contigs of a batch, which are in the first column."""
        self.counts.update(cells[0])


def _cannot_write(files: Sequence[str], folders: Sequence[Path]) -> str:
    """Returns the reason why an output file or folder cannot be written, or an empty string if all outputs can be written."""
    from dreamkeras.files.streams import is_stream

    for output in files:
        above = Path(output).absolute().parent
        if not is_stream(output) and Path(output).is_dir():
            return f"Cannot write {output}, because it is a folder."
        if not is_stream(output) and not _may_be_written_to(above):
            return f"Cannot write {output}: {above} is not a writable folder."
    for folder in folders:
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if not _may_be_written_to(above):
            return f"Cannot create {folder}: {above} is not a writable folder."
    return ""


def _may_be_written_to(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _cannot_open(results: AbstractContextManager[Any] | None) -> str:
    """Returns the reason why the results cannot be opened, or an empty string if the results can be opened."""
    from dreamkeras.errors import DreamkerasError

    try:
        _try_opening(results or nullcontext())
    except DreamkerasError as error:
        return str(error)
    return ""


def _try_opening(results: AbstractContextManager[Any]) -> None:
    """Opens the results and raises an exception inside their `with` block, so that no file remains."""
    with suppress(_OnlyTried), results:
        raise _OnlyTried


class _OnlyTried(Exception):  # noqa: N818  # not an error
    """Exception that is raised inside opened results to discard them."""
