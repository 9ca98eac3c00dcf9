"""Inputs that can be read only once, such as pipes, and temporary copies of them for what looks at an input twice."""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from dreamkeras.errors import InputError
from dreamkeras.files.streams import STANDARD, is_stream

__all__ = ["copied", "file_name", "full_path", "open_bytes", "read_text", "refuse_twice", "require_file", "rereadable", "source_name"]

_COPIES: dict[str, IO[bytes] | None] = {}
"""Streams that may be opened several times, by their paths, and the copy of each, once it has been opened."""


def source_name(path: str) -> str:
    """The input's name in messages.

    Example:
        >>> source_name("-"), source_name("a/seqs.fa")
        ('standard input', 'a/seqs.fa')
    """
    return "standard input" if path == STANDARD else path


def file_name(path: str) -> str:
    """The input's name in records of a run: without its folders.

    Example:
        >>> file_name("-"), file_name("/dev/fd/63"), file_name("a/seqs.fa")
        ('standard input', '/dev/fd/63', 'seqs.fa')
    """
    return source_name(path) if is_stream(path) else Path(path).name


def full_path(path: str) -> str:
    """The path as it is found from any folder; a stream keeps its name."""
    return path if is_stream(path) else str(Path(path).resolve())


def require_file(path: str | Path, reason: str) -> None:
    """Refuses a stream where an input is read more than once, for which the reason is given.

    Raises:
        InputError: It is a stream.
    """
    if is_stream(path):
        raise InputError(f"Expected a file, got {source_name(str(path))}, which can be read only once: {reason}.")


def refuse_twice(paths: Iterable[str | None]) -> None:
    """Refuses one stream under two names, or twice under the same; None is an input that was not given.

    Raises:
        InputError: It would have to be read twice.
    """
    seen: dict[Any, str] = {}
    for path in filter(None, paths):
        if is_stream(path):
            if (identity := _identity(path)) in seen:
                raise InputError(f"Expected different inputs, got {source_name(seen[identity])} twice, which can be read only once.")
            seen[identity] = path


def _identity(path: str) -> Any:
    """The same for all names of a stream."""
    try:
        found = os.fstat(sys.stdin.fileno()) if path == STANDARD else Path(path).stat()
    except (OSError, AttributeError):  # closed, or in a test no file at all
        return path
    return found.st_dev, found.st_ino


@contextmanager
def rereadable(*paths: str | Path | None) -> Iterator[None]:
    """Lets inputs be opened several times: a stream among them is copied to a temporary file when it is first opened.

    The copy has no name on the disk, so that nothing is left of it however the process ends; the folder is `TMPDIR`'s. Files are not
    copied, and None is an input that was not given.
    """
    added = [path for path in dict.fromkeys(map(str, filter(None, paths))) if path not in _COPIES and is_stream(path)]
    _COPIES.update(dict.fromkeys(added))
    try:
        yield
    finally:
        for path in added:
            if copy := _COPIES.pop(path):
                copy.close()


@contextmanager
def open_bytes(path: str) -> Iterator[BinaryIO]:
    """Opens an input as it stands; standard input stays open.

    Raises:
        InputError: Standard input is closed, or a copy cannot be made.
        OSError: The file cannot be opened.
    """
    if path in _COPIES:
        copy = _COPIES[path]
        if copy is None:
            with _opened(path) as stream:
                copy = _COPIES[path] = _copy(stream, path)
        yield cast("BinaryIO", io.BufferedReader(_CopyReader(copy.fileno())))
    else:
        with _opened(path) as stream:
            yield stream


@contextmanager
def copied(stream: BinaryIO, path: str) -> Iterator[BinaryIO]:
    """A temporary file that holds what is left of a stream.

    Raises:
        InputError: It cannot be made.
    """
    with _copy(stream, path) as copy:
        copy.seek(0)
        yield cast("BinaryIO", copy)


def read_text(path: str | Path) -> str:
    """All of an input as UTF-8 text, for settings.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no UTF-8, or standard input is closed.
    """
    with open_bytes(str(path)) as file:
        return file.read().decode("utf-8-sig")


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path != STANDARD:
        with open(path, "rb") as file:
            yield file
    elif sys.stdin is None:
        raise InputError("Expected standard input, got none: it is closed.")
    else:
        yield sys.stdin.buffer


def _copy(stream: BinaryIO, path: str) -> IO[bytes]:
    try:
        copy = tempfile.TemporaryFile(prefix="dreamkeras-")  # noqa: SIM115  # closed by the caller
        try:
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
        except BaseException:
            copy.close()
            raise
    except OSError as error:
        raise InputError(
            f"Expected room for a temporary copy of {source_name(path)}, which is read more than once, got {error.strerror or error}: "
            "set TMPDIR to another folder, or give a file."
        ) from None
    return copy


class _CopyReader(io.RawIOBase):
    """A copy from its beginning, with a place of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = os.pread(self._descriptor, len(buffer), self._at)
        self._at += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)
