"""Opens input files and standard input, plain or gzip, as byte streams.

The first bytes of the content are available for detecting the format. In text, a lone carriage return, which ends lines in files of old
Mac programs, is replaced by a line feed.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO, NamedTuple, cast

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.inputs import open_bytes, source_name
from dreamkeras.files.kinds import HEAD, TO_UTF8, Expected, refuse_other_kinds, require_kind

__all__ = ["BYTE_ORDER_MARK", "PARQUET", "Source", "open_source", "require_file_kind"]

FIRST_LINE = 1 << 24
AFTER_RETURN = 2  # number of bytes after a carriage return that determine whether it ends a line by itself
PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_LONE_RETURN = re.compile(rb"\r(?!\r?\n)")  # some programs end lines with CR CR LF


class Source(NamedTuple):
    """An open input.

    Args:
        stream: Stream of the decompressed bytes of the input, without a byte order mark. Lines of text end with LF or CRLF.
        head: The first 64 KiB of `stream`. If the first line is longer, `head` extends to the end of the line, up to 16 MiB.
        path: Path of the input. `-` is standard input.
    """

    stream: BinaryIO
    head: bytes
    path: str


@contextmanager
def open_source(path: str, opened: BinaryIO | None = None, expected: Expected | None = None) -> Iterator[Source]:
    """Opens an input for reading. Reading errors inside the `with` block are converted to an InputError that names the input.

    Args:
        path: Path of the file, plain, gzip or bgzip. `-` reads standard input.
        opened: Open stream to read instead of the file. The stream is not closed, and `path` is used in error messages only.
        expected: Expected kind of file. If None, all kinds that dreamkeras reads are accepted.

    Raises:
        InputError: The file does not exist, is a folder, cannot be read, is empty or truncated, is neither text nor Parquet, is of another
            kind than expected, or belongs to another program.
    """
    name = source_name(path)
    try:
        with nullcontext(opened) if opened else open_bytes(path) as file:
            yield _decompressed(file, path, expected)
    except FileNotFoundError:
        raise InputError(f"File not found: {name}.") from None
    except IsADirectoryError:
        raise InputError(f"Expected a file, got a folder: '{name}'.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"Damaged gzip file: {name} ({error}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"Expected UTF-8 text, got the byte 0x{error.object[error.start]:02x} in {name}. {TO_UTF8}") from None
    except OSError as error:
        raise InputError(f"Cannot read {name}: {error.strerror or error}.") from None


def require_file_kind(path: str, expected: Expected, error: type[DreamkerasError] = InputError) -> None:
    """Checks the first bytes of an uncompressed file. A file that cannot be read is not checked.

    Raises:
        DreamkerasError: The file is of another kind than expected. The exception has the class `error`.
    """
    try:
        with open_bytes(path) as file:
            head, packed = file.read(HEAD), ""
            if head.startswith(_GZIP):
                head, packed = gzip.GzipFile(fileobj=_buffered(_Joined(head, file)), mode="rb").read(HEAD), ", compressed with gzip"
    except (OSError, EOFError, zlib.error):
        return
    require_kind(head, path, expected, error, packed)


def _decompressed(file: BinaryIO, path: str, expected: Expected | None) -> Source:
    head = _first_bytes(file)
    if packed := head.startswith(_GZIP):
        file = cast("BinaryIO", gzip.GzipFile(fileobj=_buffered(_Joined(head, file)), mode="rb"))
        head = _first_bytes(file)
    head = head.removeprefix(BYTE_ORDER_MARK)
    _check_head(head, source_name(path), expected)
    if packed and head.startswith(PARQUET):
        raise InputError(f"Cannot read Parquet inside gzip: {source_name(path)}. Decompress it with gunzip.")
    if head.startswith(PARQUET):
        return Source(_buffered(_Joined(head, file)), head, path)
    return Source(_buffered(_Lines(head, file)), _LONE_RETURN.sub(b"\n", head), path)


def _check_head(head: bytes, name: str, expected: Expected | None) -> None:
    if not head:
        raise InputError(f"Cannot read {name}: it is empty.")
    if expected:
        require_kind(head, name, expected)
    if not head.startswith(PARQUET):
        refuse_other_kinds(head, name, accept_readable=True)
        if b"\0" in head:
            raise InputError(f"Expected text, got binary data: {name} (byte {head.index(0) + 1} is 0).")


class _Joined(io.RawIOBase):
    """Stream of bytes that have already been read from another stream, followed by the remaining bytes of that stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _next(self, size: int) -> bytes:
        """Returns up to `size` bytes. The result is empty only at the end of the stream."""
        piece = self._head[:size] or self._rest.read(size)
        self._head = self._head[len(piece) :]
        return piece


class _Lines(_Joined):
    """Stream like `_Joined` in which each lone carriage return is replaced by a line feed. CRLF is left unchanged."""

    def _next(self, size: int) -> bytes:
        piece = super()._next(size)
        if b"\r" not in piece:
            return piece
        while len(self._head) < AFTER_RETURN and piece.endswith(b"\r") and (more := self._rest.read(1)):
            self._head += more  # A carriage return at the end of the piece is lone only if no line feed follows.
        return _LONE_RETURN.sub(b"\n", piece + self._head[:AFTER_RETURN])[: len(piece)]


def _buffered(stream: _Joined) -> BinaryIO:
    return io.BufferedReader(stream, HEAD)


def _first_bytes(stream: BinaryIO) -> bytes:
    """Reads the first 64 KiB of a stream and, if they contain no complete line, the rest of the first line."""
    head = stream.read(HEAD)
    if len(head) == HEAD and not re.search(rb"[\r\n]", head.lstrip()):
        head += stream.readline(FIRST_LINE)
    return head
