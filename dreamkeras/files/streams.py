"""Paths that are not of files: standard input and output, open descriptors, pipes and devices; how outputs are written to them.

`inputs` reads from them.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import DreamkerasError

__all__ = ["STANDARD", "STANDARD_ERROR", "find_descriptor", "is_stream", "open_stream"]

STANDARD = "-"
"""The path that means standard input or standard output."""

STANDARD_ERROR = 2
"""Its descriptor."""

_DESCRIPTORS = re.compile(r"/dev/fd|/proc/([0-9]+)(?:/task/[0-9]+)?/fd")
"""Folders whose entries are descriptors: of this process, or of the one with this number."""

MOST_LINKS = 40


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path is read and written as it stands, and only once: `-`, an open descriptor, a pipe, a socket or a device.

    Example:
        >>> is_stream("-"), is_stream("/dev/stdout"), is_stream("results.tsv")
        (True, True, False)
    """
    place = Path(path)
    return str(path) == STANDARD or _entry(place) is not None or (place.exists() and not place.is_file() and not place.is_dir())


def find_descriptor(path: str | os.PathLike[str]) -> int | None:
    """The descriptor of this process that a path names, through links if need be; None where it names something else.

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
    """Opens a stream, for which `is_stream` is true, for writing bytes, without truncating or replacing its target.

    A descriptor of this process is written to from its present position; anything else is opened to append.

    Raises:
        DreamkerasError: Standard output is closed.
        OSError: It cannot be written.
    """
    for earlier in filter(None, (sys.stdout, sys.stderr)):
        earlier.flush()
    if path == STANDARD:
        if sys.stdout is None:
            raise DreamkerasError("Standard output is closed: name a file for the results.")
        yield sys.stdout.buffer
        return
    own = find_descriptor(path)
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND) if own is None else os.dup(own), "wb")
    try:
        os.write(file.fileno(), b"")  # refuses a descriptor that is open for reading alone, before the work and not after it
        yield file
    finally:
        with suppress(OSError):  # of bytes that could not be written, which has been told
            file.close()


def _entry(path: Path) -> Path | None:
    """`/proc/PID/fd/N` or `/dev/fd/N`, where a path leads there; links are followed up to the descriptor, not to its target."""
    for _ in range(MOST_LINKS):
        path = Path(os.path.realpath(path.parent)) / path.name
        if _DESCRIPTORS.fullmatch(str(path.parent)) and path.name.isdecimal():
            return path
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None
