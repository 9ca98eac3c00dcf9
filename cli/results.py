"""Where a command's results go: a file that appears only when it is whole, or standard output after success."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dreamkeras.scoring.pipeline import Sink

__all__ = ["hold_back", "open_results", "refuse_overwriting"]

Writer = TypeVar("Writer")


@contextlib.contextmanager
def open_results(
    output: str, columns: Sequence[str], format: str | None = None, track: Mapping[str, Any] | None = None
) -> "Iterator[Sink]":
    """A writer of predictions; leaving it without an error publishes them, an error leaves nothing.

    Args:
        output: A file, or `-` for standard output, which is held back in a temporary file until all is well.
        columns: Their names, without the one of the ids.
        format: One of `options.FORMATS`; by default the file's suffix, else `tsv`.
        track: Keywords of `sequence.tracks.open_track`, for where the format is a track's.

    Raises:
        DreamkerasError: The output cannot be written; the message names it.
    """
    with hold_back(output, lambda path: _opened(path, columns, format, track or {})) as writer:
        yield writer


@contextlib.contextmanager
def hold_back(output: str, opened: "Callable[[str], contextlib.AbstractContextManager[Writer]]") -> "Iterator[Writer]":
    """What `opened` makes of a path; what is written to standard output is held back in a temporary file until all is well.

    Args:
        output: A file, or `-` for standard output.
        opened: Opens a file that appears whole or not at all.
    """
    if output != "-":
        with opened(output) as writer:
            yield writer
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="dreamkeras-") as folder:
        spool = f"{folder}/results"
        with opened(spool) as writer:
            yield writer
        _copy_to_standard_output(spool)


def refuse_overwriting(inputs: Iterable[str], output: str) -> None:
    """Results must not take the place of what they are of.

    Raises:
        InputError: The output is one of the inputs.
    """
    from dreamkeras.errors import InputError

    if Path(output).is_file() and any(Path(path).is_file() and Path(path).samefile(output) for path in inputs):
        raise InputError(f"Expected an output beside the inputs, got {output} for both.")


def _opened(path: str, columns: Sequence[str], format: str | None, track: Mapping[str, Any]) -> "contextlib.AbstractContextManager[Sink]":
    from dreamkeras.sequence.tracks import open_track, track_format
    from dreamkeras.sequence.writers import open_writer

    if chosen := track_format(path, format):
        return open_track(path, chosen, columns, **track)
    return open_writer(path, columns, format)


def _copy_to_standard_output(path: str) -> None:
    from shutil import copyfileobj

    from dreamkeras.sequence.outputs import naming_output, open_output

    with open(path, "rb") as results, open_output("-") as stdout, naming_output("-"):
        copyfileobj(results, stdout)
