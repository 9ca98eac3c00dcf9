"""Parses uploaded files of sequences while they are received: FASTA, FASTQ, TSV, CSV or one sequence per line, also gzipped."""

import asyncio
import concurrent.futures
import io
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, BinaryIO, cast

from dreamkeras.formats.reading import read_records
from dreamkeras.sequence.records import Records

from ..errors import ProtocolError

__all__ = ["BODY", "ROWS", "Uploads"]

BODY = "the request's body"
"""Name of an uploaded file in error messages."""

ROWS = 1024
"""Number of records per batch. With small batches, the server sends the first predictions early and alternates between uploads."""

AT_ONCE = 16
"""Maximum number of concurrent uploads. Each upload has a thread that waits for bytes."""

RECORD = 64 << 20
"""Maximum number of bytes that are read for a batch of records. A larger batch raises an error, so that memory stays bounded."""

GZIP = b"\x1f\x8b"
STEP = 1 << 20
_BUFFER = 1 << 18


class Uploads:
    """Reads uploaded files, at most `AT_ONCE` at the same time."""

    def __init__(self) -> None:
        self._threads = concurrent.futures.ThreadPoolExecutor(AT_ONCE, "upload")
        self._open = 0

    async def read(
        self, chunks: AsyncIterator[bytes], id_column: str | None = None, sequence_column: str | None = None
    ) -> AsyncGenerator[Records, None]:
        """Yields the records of a file in batches of at most `ROWS`, while the file is being received.

        Args:
            chunks: Bytes of the file.
            id_column: Id column of a table, see `read_records`.
            sequence_column: Sequence column of a table, see `read_records`.

        Raises:
            InputError: The file is malformed. The message contains the line number.
            ProtocolError: The status is 503 if too many uploads are being read, 413 if a record is too long, and 400 if a gzip file is
                damaged.
        """
        if self._open == AT_ONCE:
            raise ProtocolError(f"Server busy: {AT_ONCE} uploads are being read. Try again later.", 503)
        self._open += 1
        loop = asyncio.get_running_loop()
        try:
            async with aclosing(_unpacked(chunks)) as plain:
                body = _Body(plain, loop)
                stream = cast("BinaryIO", io.BufferedReader(body, _BUFFER))
                batches = read_records(BODY, id_column=id_column, sequence_column=sequence_column, batch=ROWS, opened=stream)
                try:
                    while (records := await loop.run_in_executor(self._threads, next, batches, None)) is not None:
                        body.since = 0
                        yield records
                finally:
                    body.give_up()
        finally:
            self._open -= 1


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yields the chunks of a file, decompressed if the file is gzip or bgzip. A bgzip file contains many gzip streams."""
    stream, is_first = None, True
    async for chunk in chunks:
        if is_first and chunk.startswith(GZIP):
            stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        is_first = False
        if stream is None:
            yield chunk
        while stream is not None and chunk:
            if stream.eof:
                stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            yield _unzip(stream, chunk)
            chunk = stream.unconsumed_tail or stream.unused_data
    if stream is not None and not stream.eof:
        raise ProtocolError("Gzip file is truncated.")


def _unzip(stream: "zlib._Decompress", chunk: bytes) -> bytes:
    try:
        return stream.decompress(chunk, STEP)
    except zlib.error as error:
        raise ProtocolError(f"Gzip file is damaged: {error}.") from None


class _Body(io.RawIOBase):
    """File object from which another thread reads the chunks that an event loop receives.

    Attributes:
        since: Number of bytes read since the last batch of records.
    """

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self.since = 0
        self._chunks = chunks
        self._loop = loop
        self._chunk = b""
        self._waiting: concurrent.futures.Future[bytes | None] | None = None
        self._given_up = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._chunk:
            chunk = self._wait()
            if chunk is None:
                return 0
            self._chunk = chunk
        piece = self._chunk[: len(buffer)]
        self._chunk = self._chunk[len(piece) :]
        buffer[: len(piece)] = piece
        self.since += len(piece)
        if self.since > RECORD:
            raise ProtocolError(f"Expected sequences of at most {RECORD} bases, got a longer one in {BODY}.", 413)
        return len(piece)

    def give_up(self) -> None:
        """Stops the waiting thread. The remaining part of the file is not read."""
        self._given_up = True
        if self._waiting is not None:
            self._waiting.cancel()

    def _wait(self) -> bytes | None:
        if self._given_up:
            return None
        self._waiting = asyncio.run_coroutine_threadsafe(self._receive(), self._loop)
        try:
            return self._waiting.result()
        except concurrent.futures.CancelledError:
            return None

    async def _receive(self) -> bytes | None:
        return await anext(self._chunks, None)
