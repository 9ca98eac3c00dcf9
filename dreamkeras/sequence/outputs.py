"""Output files and folders that appear whole or not at all.

Knows nothing about what is written into them.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import DreamkerasError
from dreamkeras.sequence.sources import STANDARD

__all__ = ["naming_output", "open_folder", "open_output", "require_empty"]


@contextmanager
def open_output(path: str) -> Iterator[BinaryIO]:
    """Opens an output for writing bytes; its file appears under its name only once the `with` block has ended well.

    Until then the bytes stand in a temporary file in the same folder, which any exception removes; a file that was there
    before stays as it was. Standard output and devices cannot be replaced: they are written as the bytes come.

    Args:
        path: The file; `-` writes standard output.

    Raises:
        DreamkerasError: The file cannot be written; the message names it and says why. A broken pipe stays a BrokenPipeError.
    """
    target = Path(os.path.realpath(path))  # behind a link, so that the link stays one
    if path == STANDARD:
        opened = _standard_output()
    elif target.is_dir():
        raise DreamkerasError(f"Expected a file to write, got a folder: {path}.")
    elif target.exists() and not target.is_file():
        opened = _device(path)
    else:
        opened = _replaced(target, path)
    with opened as file:
        yield file


@contextmanager
def open_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name once the `with` block has ended well, and is removed if it does not.

    Until then it stands in the nearest folder that is there, as `.NAME.unfinished`; what a killed process left of it goes first.

    Args:
        folder: Where it is to be; nothing, or an empty folder.

    Raises:
        DreamkerasError: It cannot be written; the message names it and says why.
    """
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    unfinished = above / f".{'.'.join(folder.absolute().relative_to(above).parts)}.unfinished"
    with naming_output(str(folder)):
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            yield unfinished
            folder.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def require_empty(folder: Path) -> None:
    """Refuses to fill what `open_folder` could not replace.

    Raises:
        DreamkerasError: It is a file, or holds something.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DreamkerasError(f"Expected a new or an empty folder, got {folder}, which holds something.")


@contextmanager
def naming_output(path: str) -> Iterator[None]:
    """Turns the system's errors in the `with` block into a DreamkerasError that names the output."""
    try:
        yield
    except BrokenPipeError:  # nobody reads on: no fault of the output, and for the command line to end quietly
        raise
    except OSError as error:
        name = "standard output" if path == STANDARD else path
        if isinstance(error, FileNotFoundError):
            raise DreamkerasError(f"Expected a folder to write {name} into, got none at {Path(path).parent}.") from None
        raise DreamkerasError(f"Expected to write {name}, got an error: {error.strerror or error}.") from None


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    sys.stdout.flush()
    yield sys.stdout.buffer
    with naming_output(STANDARD):
        sys.stdout.buffer.flush()


@contextmanager
def _device(path: str) -> Iterator[BinaryIO]:
    with naming_output(path):
        file = Path(path).open("wb")  # noqa: SIM115
    try:
        yield file
        with naming_output(path):
            file.close()
    finally:
        with suppress(OSError):
            file.close()


@contextmanager
def _replaced(target: Path, path: str) -> Iterator[BinaryIO]:
    temporary = target.with_name(f".dreamkeras-{secrets.token_hex(8)}.tmp")
    with naming_output(path):
        file = temporary.open("xb")
    try:
        yield file
        with naming_output(path):
            file.flush()
            os.fsync(file.fileno())
            file.close()
            temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            temporary.unlink()
        raise
