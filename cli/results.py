"""Where a command's results go: a file that appears only when it is whole, or standard output after success."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from dreamkeras.scoring.pipeline import Scored, Sink
    from dreamkeras.scoring.shards import Shards

__all__ = [
    "check_resume",
    "command_line",
    "held_back",
    "hold_back",
    "leave_manifest",
    "model_files",
    "open_results",
    "open_shards",
    "refuse_clashes",
    "report_skipped",
]

Writer = TypeVar("Writer")


@contextlib.contextmanager
def open_results(
    output: str,
    columns: Sequence[str],
    format: str | None = None,
    track: Mapping[str, Any] | None = None,
    texts: Mapping[str, tuple[str, ...]] | None = None,
) -> "Iterator[Sink]":
    """A writer of predictions; leaving it without an error publishes them, an error leaves nothing.

    Args:
        output: A file, or `-` for standard output, which is held back in a temporary file until all is well.
        columns: Their names, without the one of the ids.
        format: One of `options.FORMATS`; by default the file's suffix, else `tsv`.
        track: Keywords of `sequence.tracks.open_track`, for where the format is a track's.
        texts: As those of `scoring.results.open_predictions`, for where it is not.

    Raises:
        DreamkerasError: The output cannot be written; the message names it.
    """
    with held_back(output) as path, _opened(path, columns, format, track or {}, texts or {}) as writer:
        yield writer


@contextlib.contextmanager
def held_back(output: str) -> Iterator[str]:
    """The path to write results to: the output itself, or a temporary file that goes to standard output once all is well."""
    if output != "-":
        yield output
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="dreamkeras-") as folder:
        spool = f"{folder}/results"
        yield spool
        _copy_to_standard_output(spool)


@contextlib.contextmanager
def hold_back(output: str, opened: "Callable[[str], contextlib.AbstractContextManager[Writer]]") -> "Iterator[Writer]":
    """What `opened` makes of the path that `held_back` tells.

    Args:
        output: A file, or `-` for standard output.
        opened: Opens a file that appears whole or not at all.
    """
    with held_back(output) as path, opened(path) as writer:
        yield writer


def _opened(
    path: str, columns: Sequence[str], format: str | None, track: Mapping[str, Any], texts: Mapping[str, tuple[str, ...]]
) -> "contextlib.AbstractContextManager[Sink]":
    from dreamkeras.scoring.results import open_predictions
    from dreamkeras.sequence.tracks import open_track, track_format

    if chosen := track_format(path, format):
        return open_track(path, chosen, columns, **track)
    return open_predictions(path, columns, format, texts)


def _copy_to_standard_output(path: str) -> None:
    from shutil import copyfileobj

    from dreamkeras.sequence.outputs import naming_output, open_output

    with open(path, "rb") as results, open_output("-") as stdout, naming_output("-"):
        copyfileobj(results, stdout)


def check_resume(inputs: Sequence[str], output: str, *, resume: bool, is_measured: bool) -> None:
    """Refuses to resume what cannot be.

    Raises:
        click.UsageError: Standard input or output, or a choice that may be another the next time.
    """
    if resume and (output == "-" or "-" in inputs):
        raise click.UsageError("Expected files to read and for -o beside --resume, got standard input or output.")
    if resume and is_measured:
        raise click.UsageError("Expected numbers beside --resume, got auto: a measurement may end otherwise the next time.")


def open_shards(output: str, columns: Sequence[str], models: tuple[str, ...], files: tuple[str, ...], choices: Sequence[Any]) -> "Shards":
    """What was done before a kill, in a folder beside the output.

    Args:
        output: The file.
        columns: Names of the results' columns.
        models: As on the command line; none is the packaged model.
        files: All that are read.
        choices: What else the results depend on.

    Raises:
        InputError: A file is missing, or the folder holds shards of something else.
    """
    from dreamkeras.scoring.predictor import PACKAGED_MODEL
    from dreamkeras.scoring.shards import Shards, describe_work

    return Shards(Path(f"{output}.unfinished"), describe_work(models or (str(PACKAGED_MODEL),), files, columns, choices))


def model_files(models: Iterable[str | Path]) -> list[str]:
    """Files that results must not take the place of: models as on a command line, and what is in their run folders."""
    return [str(path) for model in models for path in (model, Path(model, "model.onnx"), Path(model, "model.keras"))]


def refuse_clashes(inputs: Iterable[str | None], *outputs: str | Path | None) -> None:
    """Results must not take the place of what they are made from, nor of one another.

    Args:
        inputs: Sequences, models and all else that is read; None for what was not given.
        outputs: Files or folders, or `-` for standard output; likewise.

    Raises:
        InputError: An output is one of the inputs.
        click.UsageError: Two outputs are one; devices, such as /dev/null, may be.
    """
    from itertools import combinations, product

    from dreamkeras.errors import InputError

    written = [str(path) for path in outputs if path]
    files = [path for path in written if path != "-"]
    for path, output in product(filter(None, inputs), files):
        if Path(output).is_file() and _is_same(path, output):
            raise InputError(f"Expected an output beside the inputs, got {output} for both.")
    if written.count("-") > 1:
        raise click.UsageError(f"Expected one result at most on standard output (-), got {written.count('-')}.")
    for first, second in combinations(files, 2):
        if _is_same(first, second):
            raise click.UsageError(f"Expected a name of its own for each result, got {second} twice.")


def _is_same(first: str, second: str) -> bool:
    """Whether two names are of one file or folder, be it there or not."""
    one, other = Path(first), Path(second)
    if one.exists() and other.exists():
        return one.samefile(other) and (one.is_file() or one.is_dir())
    return one.resolve() == other.resolve()


def command_line() -> str:
    """What was run, for manifests."""
    return " ".join(["dreamkeras", *sys.argv[1:]])


def leave_manifest(output: str, models: Iterable[str], inputs: Iterable[str], more: Mapping[str, Any] | None = None) -> None:
    """Writes what results were made with into a file beside them; beside standard output there is none.

    Args:
        output: The file of the results, or `-`.
        models: As on the command line; none is the packaged model.
        inputs: Files that were read.
        more: What else is to stand in it.

    Raises:
        DreamkerasError: It cannot be written.
    """
    if output == "-":
        return
    from dreamkeras.analysis.manifest import write_manifest
    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    write_manifest(Path(f"{output}.manifest.json"), command_line(), tuple(models) or (str(PACKAGED_MODEL),), inputs, more)


def report_skipped(scored: "Scored") -> None:
    """Says how many records were skipped, and why the first were."""
    if not scored.skipped:
        return
    for reason in scored.reasons:
        click.echo(f"Skipped: {reason}.", err=True)
    click.echo(f"Skipped {scored.skipped:,} of {scored.written + scored.skipped:,} records.", err=True)
