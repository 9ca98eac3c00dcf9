"""Opens inputs, and copies inputs that can be read only once, such as pipes, to temporary files, which can be read repeatedly."""

import io
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from dreamkeras.errors import InputError
from dreamkeras.files.streams import STANDARD, is_stream

__all__ = ["copied", "file_name", "full_path", "listed_files", "open_bytes", "refuse_twice", "require_file", "rereadable", "source_name"]

_COPIES: dict[str, IO[bytes] | None] = {}
"""Temporary copies, by path, of the streams that may be opened several times. A copy is None until its stream is first opened."""


def source_name(path: str) -> str:
    """Returns the name of an input for messages.

    Example:
        >>> source_name("-"), source_name("a/seqs.fa")
        ('standard input', 'a/seqs.fa')
    """
    return "standard input" if path == STANDARD else path


def file_name(path: str) -> str:
    """Returns the name of an input, without its folder, as it is recorded in the files of a run.

    Example:
        >>> file_name("-"), file_name("/dev/fd/63"), file_name("a/seqs.fa")
        ('standard input', '/dev/fd/63', 'seqs.fa')
    """
    return source_name(path) if is_stream(path) else Path(path).name


def listed_files(paths: str | PathLike[str] | Sequence[str | PathLike[str]] | None) -> tuple[str, ...]:
    """Returns the paths of an input that is one file, several files or None.

    Example:
        >>> listed_files("a.tsv"), listed_files(["a.tsv", "b.tsv"]), listed_files(None)
        (('a.tsv',), ('a.tsv', 'b.tsv'), ())
    """
    return () if paths is None else (str(paths),) if isinstance(paths, str | PathLike) else tuple(map(str, paths))


def full_path(path: str) -> str:
    """Returns the absolute path of a file. The name of a stream is returned unchanged."""
    return path if is_stream(path) else os.path.realpath(path)


def require_file(path: str | Path, reason: str) -> None:
    """Checks that an input that is read more than once is a file. The error message ends with `reason`.

    Raises:
        InputError: The input is a stream.
    """
    if is_stream(path):
        raise InputError(f"Expected a file, got {source_name(str(path))}, which can be read only once: {reason}.")


def refuse_twice(paths: Iterable[str | None]) -> None:
    """Checks that no stream is used as two inputs, even under two names. A path of None stands for an omitted input.

    Raises:
        InputError: A stream would have to be read twice.
    """
    seen: dict[Any, str] = {}
    for path in filter(None, paths):
        if is_stream(path):
            if (identity := _identity(path)) in seen:
                raise InputError(
                    f"Two inputs refer to {source_name(seen[identity])}, which can be read only once. Use a file for one of the inputs."
                )
            seen[identity] = path


def _identity(path: str) -> Any:
    """Returns an identifier that is equal for all names of a stream."""
    try:
        found = os.fstat(sys.stdin.fileno()) if path == STANDARD else Path(path).stat()
    except (OSError, AttributeError):  # Standard input is closed, or is not a file (in tests).
        return path
    return found.st_dev, found.st_ino


@contextmanager
def rereadable(*paths: str | Path | None) -> Iterator[None]:
    """Allows inputs to be opened several times. A stream is copied to a temporary file when it is first opened.

    The copy is in the folder `TMPDIR` and has no file name, so that nothing remains on disk when the process ends. Files are not copied. A
    path of None stands for an omitted input.
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
    """Opens an input without decompression. Standard input is not closed after the `with` block.

    Raises:
        InputError: Standard input is closed, or a temporary copy cannot be written.
        OSError: The file cannot be opened.
    """
    if path in _COPIES:
        copy = _COPIES[path]
        if copy is None:
            with _opened(path) as stream:
                copy = _COPIES[path] = _copy(stream, path)
        yield cast("BinaryIO", io.BufferedReader(_CopyReader(copy)))
    else:
        with _opened(path) as stream:
            yield stream


@contextmanager
def copied(stream: BinaryIO, path: str) -> Iterator[BinaryIO]:
    """Copies the rest of a stream to a temporary file.

    Raises:
        InputError: The temporary file cannot be written.
    """
    with _copy(stream, path) as copy:
        copy.seek(0)
        yield cast("BinaryIO", copy)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path != STANDARD:
        with open(path, "rb") as file:
            yield file
    elif sys.stdin is None:
        raise InputError("Cannot read standard input: it is closed.")
    else:
        yield sys.stdin.buffer


def _copy(stream: BinaryIO, path: str) -> IO[bytes]:
    try:
        copy = tempfile.TemporaryFile(prefix="dreamkeras-")  # noqa: SIM115  # the caller closes the file
        try:
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
        except BaseException:
            copy.close()
            raise
    except OSError as error:
        raise InputError(
            f"Cannot write a temporary copy of {source_name(path)}, which is read more than once: {error.strerror or error}. "
            "Set TMPDIR to another folder, or use a file as input."
        ) from None
    return copy


class _CopyReader(io.RawIOBase):
    """A reader of a temporary copy, with a separate file position that begins at 0.

    The lock replaces `os.pread`, which Windows does not have.
    """

    _lock = threading.Lock()

    def __init__(self, copy: IO[bytes]) -> None:
        self._copy = copy
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: os.fstat(self._copy.fileno()).st_size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        with self._lock:
            self._copy.seek(self._at)
            piece = self._copy.read(len(buffer))
        self._at += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)
