"""Recognises the paths of streams (standard input and output, open descriptors, pipes and devices), and writes to streams.

The module `inputs` reads from streams.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import DreamkerasError

__all__ = ["STANDARD", "STANDARD_ERROR", "discarded_messages", "find_descriptor", "is_stream", "open_stream"]

STANDARD = "-"
"""Path that stands for standard input or standard output."""

STANDARD_ERROR = 2
"""File descriptor of standard error."""

_DESCRIPTORS = re.compile(r"/dev/fd|/proc/([0-9]+)(?:/task/[0-9]+)?/fd")
"""Pattern of the folders that list the file descriptors of this process (`/dev/fd`) or of any process (`/proc/PID/fd`)."""

MOST_LINKS = 40


@contextmanager
def discarded_messages() -> Iterator[None]:
    """Discards the messages that libraries write to the descriptor of standard error during a `with` block."""
    sys.stderr.flush()
    kept = os.dup(STANDARD_ERROR)
    try:
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path names a stream, which can be read only once.

    Streams are `-`, open descriptors, pipes, sockets and devices.

    Example:
        >>> is_stream("-"), is_stream("/dev/stdout"), is_stream("results.tsv")
        (True, True, False)
    """
    place = Path(path)
    return str(path) == STANDARD or _entry(place) is not None or (place.exists() and not place.is_file() and not place.is_dir())


def find_descriptor(path: str | os.PathLike[str]) -> int | None:
    """Returns the file descriptor of this process to which a path refers, directly or through links, or None for other paths.

    Example:
        >>> find_descriptor("-"), find_descriptor("/dev/stderr"), find_descriptor("results.tsv")
        (1, 2, None)
    """
    if str(path) == STANDARD:
        return 1
    entry = _entry(Path(path))
    if entry is None:
        return None
    found = _DESCRIPTORS.fullmatch(str(entry.parent))
    return int(entry.name) if found and found[1] in (None, str(os.getpid())) else None


@contextmanager
def open_stream(path: str) -> Iterator[BinaryIO]:
    """Opens a stream (see `is_stream`) for writing bytes, without truncating or replacing its target.

    If the path is a descriptor of this process, writing begins at the current position of the descriptor. Other streams are opened for
    appending.

    Raises:
        DreamkerasError: Standard output is closed.
        OSError: The stream cannot be written.
    """
    for earlier in filter(None, (sys.stdout, sys.stderr)):
        earlier.flush()
    if path == STANDARD:
        if sys.stdout is None:
            raise DreamkerasError("Standard output is closed. Name an output file.")
        yield sys.stdout.buffer
        return
    own = find_descriptor(path)
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND) if own is None else os.dup(own), "wb")
    try:
        os.write(file.fileno(), b"")  # raises an error immediately if the descriptor is open for reading only
        yield file
    finally:
        with suppress(OSError):  # an error in writing has already been reported
            file.close()


def _entry(path: Path) -> Path | None:
    """Returns the path of the file descriptor, such as `/dev/fd/1`, to which a path leads, or None for other paths.

    The link from the descriptor to its target is not followed.
    """
    for _ in range(MOST_LINKS):
        path = Path(os.path.realpath(path.parent)) / path.name
        if _DESCRIPTORS.fullmatch(str(path.parent)) and path.name.isdecimal():
            return path
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None
