"""Handles the outputs of commands: opens results, refuses outputs that would overwrite files, and writes manifests."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.errors import counted

from .process import hint_at_stop

if TYPE_CHECKING:
    from dreamkeras.scoring.pipeline import PredictionSink, Scored
    from dreamkeras.scoring.shards import Shards

__all__ = [
    "check_resume",
    "command_line",
    "echo_result",
    "held_run",
    "leave_manifest",
    "model_files",
    "open_results",
    "open_shards",
    "refuse_clashes",
    "report_skipped",
]


def open_results(
    output: str,
    columns: Sequence[str],
    format: str | None = None,
    track: Mapping[str, Any] | None = None,
    texts: Mapping[str, tuple[str, ...]] | None = None,
    keys: Sequence[str] = (),
) -> "contextlib.AbstractContextManager[PredictionSink]":
    """Returns a writer of predictions: `formats.tracks.open_track` for a track format, otherwise `scoring.results.open_predictions`."""
    from dreamkeras.formats.tracks import open_track, track_format
    from dreamkeras.scoring.results import open_predictions

    if chosen := track_format(output, format):
        return open_track(output, chosen, columns, **(track or {}))
    return open_predictions(output, columns, format, texts or {}, keys)


def check_resume(inputs: Sequence[str], output: str, *, resume: bool, is_measured: bool) -> None:
    """Checks that a command with `--resume` reads files, writes a file, and has fixed numbers for its batch size and threads.

    Raises:
        InputError: An input is a stream.
        click.UsageError: The output is a stream, or the batch size or the number of threads is `auto`.
    """
    if not resume:
        return
    from dreamkeras.files.inputs import require_file
    from dreamkeras.files.streams import is_stream

    if is_stream(output):
        found = "standard output" if output == "-" else f"{output}, which is a pipe, a descriptor or a device"
        raise click.UsageError(f"--resume requires a file as -o, got {found}.")
    for path in inputs:
        require_file(path, "--resume reads the input again after an interruption")
    if is_measured:
        raise click.UsageError(
            "--resume requires numbers for --batch-size and --threads, got auto, which may choose other numbers next time."
        )


@contextlib.contextmanager
def open_shards(
    output: str, columns: Sequence[str], models: tuple[str, ...], files: tuple[str, ...], choices: Sequence[Any], *, resume: bool
) -> "Iterator[Shards | None]":
    """Opens and locks the folder of shards next to the output. Yields None without `--resume`.

    Raises:
        InputError: A file is missing, or the folder holds shards of another command.
        DreamkerasError: Another process has locked the folder.
    """
    if not resume:
        yield None
        return
    from dreamkeras.scoring import shards
    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    work = shards.describe_work(models or (str(PACKAGED_MODEL),), files, columns, choices)
    saved: list[Shards] = []
    hint = "The finished predictions are saved. Repeat the command to resume."
    with hint_at_stop(lambda: hint if saved and saved[0].done else ""), shards.open_shards(output, work) as kept:
        saved.append(kept)
        yield kept


def model_files(models: Iterable[str | Path]) -> list[str]:
    """Returns the paths that results must not replace: the models of the command line, and the model files in their run folders."""
    return [str(path) for model in models for path in (model, Path(model, "model.onnx"), Path(model, "model.keras"))]


@contextlib.contextmanager
def held_run(output: str | Path) -> Iterator[None]:
    """Locks the run folder if the output is a run folder or a file in one.

    While the folder is locked, `train --resume` cannot write to it.

    Raises:
        DreamkerasError: Another process has locked the folder.
    """
    from dreamkeras.files.folders import claim

    folder = Path(output) if Path(output).is_dir() else Path(os.path.realpath(output)).parent
    with claim(folder) if (folder / "config.json").is_file() else contextlib.nullcontext():
        yield


def refuse_clashes(inputs: Iterable[str | None], *outputs: str | Path | None) -> None:
    """Refuses outputs that would overwrite an input or another output, even if they are named by a descriptor such as /dev/stdout.

    Args:
        inputs: Paths of all inputs. The value is None if an input was not given.
        outputs: Files or folders, or `-` for standard output. The value is None if an output was not given.

    Raises:
        InputError: An output is also an input, or two inputs are the same stream.
        click.UsageError: Two outputs are the same file or folder, or two outputs are standard output. Devices such as /dev/null may be
            named twice.
    """
    from itertools import combinations, product

    from dreamkeras.errors import InputError
    from dreamkeras.files.inputs import refuse_twice
    from dreamkeras.files.streams import find_descriptor

    inputs = tuple(inputs)
    refuse_twice(inputs)
    written = [str(path) for path in outputs if path]
    for path, output in product(filter(None, inputs), written):
        if _is_same(path, output, is_file=True):
            raise InputError(f"Output would overwrite the input '{output}'. Choose another output.")
    on_standard_output = [path for path in written if find_descriptor(path) == 1]
    if len(on_standard_output) > 1:
        raise click.UsageError(f"Only one result can be written to standard output, but {len(on_standard_output)} results would be.")
    for first, second in combinations(written, 2):
        if _is_same(first, second):
            raise click.UsageError(f"Two results would be written to {second}. Choose different names.")
        for inner, outer in ((first, second), (second, first)):
            if Path(os.path.realpath(outer)) in Path(os.path.realpath(inner)).parents:
                raise click.UsageError(f"Results cannot be written into the folder of other results: move {inner} out of {outer}.")


def _is_same(first: str, second: str, *, is_file: bool = False) -> bool:
    """Whether two paths name the same file or folder, existing or not.

    If `is_file` is True, the first path is an input file: `-` means standard input, and a missing file is not the same as any output.
    """
    one, other = _status(first, 0 if is_file else 1), _status(second, 1)
    if one and other:
        kinds = (stat.S_ISREG,) if is_file else (stat.S_ISREG, stat.S_ISDIR, stat.S_ISFIFO)
        return os.path.samestat(one, other) and any(is_kind(one.st_mode) for is_kind in kinds)
    return not is_file and not one and not other and os.path.realpath(first) == os.path.realpath(second)


def _status(path: str, standard: int) -> os.stat_result | None:
    """Returns the status of a file or, if the path is `-`, of the descriptor `standard`. Returns None if the file does not exist."""
    try:
        return os.fstat(standard) if path == "-" else Path(path).stat()
    except OSError:
        return None


def echo_result(line: object) -> None:
    """Prints a line of results on standard output.

    Raises:
        DreamkerasError: Standard output cannot be written, for example because the disk is full.
    """
    from dreamkeras.files.outputs import naming_output
    from dreamkeras.files.streams import STANDARD

    with naming_output(STANDARD):
        click.echo(line)


def command_line() -> str:
    """Returns the command line, for manifests."""
    return " ".join(["dreamkeras", *sys.argv[1:]])


def leave_manifest(output: str, models: Iterable[str], inputs: Iterable[str], more: Mapping[str, Any] | None = None) -> None:
    """Writes `OUTPUT.manifest.json` with the command line, the models, the inputs and the fields of `more`.

    If `models` is empty, the packaged model is recorded. Nothing is written if the output is a stream.
    """
    from dreamkeras.files.streams import is_stream

    if is_stream(output):
        return
    from dreamkeras.files.temporary import derived_name
    from dreamkeras.scoring.manifest import write_manifest
    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    write_manifest(derived_name(Path(output), "", ".manifest.json"), command_line(), tuple(models) or (str(PACKAGED_MODEL),), inputs, more)


def report_skipped(scored: "Scored", output: str) -> None:
    """Prints how many records were read and skipped, and the first reasons for skipping.

    If no record was skipped and the results go to standard error, nothing is printed.
    """
    from dreamkeras.files.streams import STANDARD_ERROR, find_descriptor

    for reason in scored.skipped.reasons:
        click.echo(f"Skipped: {reason}.", err=True)
    read = scored.written + scored.skipped.count
    records = counted(read, "record")
    if scored.skipped.count:
        click.echo(f"Skipped {scored.skipped.count:,} of {records}.", err=True)
    elif find_descriptor(output) != STANDARD_ERROR:
        click.echo(f"Read {records}.", err=True)
