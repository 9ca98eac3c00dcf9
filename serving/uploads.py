"""Files of sequences in the body of a request, read while they come: FASTA, FASTQ, TSV, CSV or lines, plain or gzip.

Knows nothing about models or answers.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, cast

from dreamkeras.sequence.reading import read_records
from dreamkeras.sequence.records import Records

__all__ = ["BODY", "ROWS", "read_upload"]

BODY = "the request's body"
"""What messages call it."""

ROWS = 1024
"""Most records in a batch: small, so that the first answers come soon and uploads take turns."""

_BUFFER = 1 << 18


async def read_upload(
    chunks: AsyncIterator[bytes], readers: ThreadPoolExecutor, id_column: str | int | None = None, sequence_column: str | int | None = None
) -> AsyncIterator[Records]:
    """The records of a file, in batches of at most `ROWS`, while its bytes come.

    Args:
        chunks: The bytes.
        readers: Threads that wait for them; an upload keeps one while a batch is being read.
        id_column: As `read_records` takes it.
        sequence_column: Likewise.

    Raises:
        InputError: It is no file of sequences; the message names the line.
    """
    loop = asyncio.get_running_loop()
    stream = cast("BinaryIO", io.BufferedReader(_Body(chunks, loop), _BUFFER))
    batches = read_records(BODY, id_column=id_column, sequence_column=sequence_column, batch=ROWS, opened=stream)
    while (records := await loop.run_in_executor(readers, _next, batches)) is not None:
        yield records


def _next(batches: Iterator[Records]) -> Records | None:
    return next(batches, None)


class _Body(io.RawIOBase):
    """The chunks that an event loop receives as a file for another thread."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._chunks = chunks
        self._loop = loop
        self._chunk = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._chunk and not self._ended:
            self._chunk = asyncio.run_coroutine_threadsafe(self._receive(), self._loop).result()
        piece = self._chunk[: len(buffer)]
        self._chunk = self._chunk[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)

    async def _receive(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            self._ended = True
            return b""
