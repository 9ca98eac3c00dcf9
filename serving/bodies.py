"""Bodies of HTTP requests, read within bounds of size, of time and of memory for all requests together.

Connections and headers are bounded in `http/connections.py`, JSON and rows in `protocol/`.
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request

from .errors import BodyError, ClientDisconnectedError, ProtocolError
from .settings import Settings

__all__ = ["Bodies", "unzip"]

STEP = 1 << 20
"""Bytes that are decompressed at a time, so that others are served in between."""

ENCODINGS = ("identity", "gzip", "deflate")
EITHER_HEADER = zlib.MAX_WBITS | 32
"""Lets zlib detect gzip and its own format."""


class Bodies:
    """Reads bodies within the bounds of the settings; `held` is how many bytes of bodies are in memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.held = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, decompressed; it counts as held until the context ends.

        Raises:
            ProtocolError: The body cannot be decompressed (400), came too slowly (408), is too large (413) or in another encoding
                (415), or there is no room for it (503).
            ClientDisconnectedError: The client has disconnected.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async for part in self.decoded(request):
                size += len(part)
                self.held += len(part)
                if self.held > self._settings.held_bytes:
                    raise BodyError(f"Expected room for a body, got {self.held} bytes of bodies in memory.", 503)
                parts.append(part)
            yield parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            self.held -= size

    def decoded(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed; it does not count as held.

        Args:
            request: The request.
            most: Largest body, before and after decompression; the settings' `body_bytes` if None.

        Raises:
            ProtocolError: As `read`, except 503.
            ClientDisconnectedError: The client has disconnected.
        """
        most = self._settings.body_bytes if most is None else most
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ENCODINGS:
            raise BodyError(f"Expected Content-Encoding to be one of {', '.join(ENCODINGS)}, got {encoding[:40]!r}.", 415)
        chunks = self.chunks(request, most)
        return chunks if encoding == "identity" else _unzipped(chunks, encoding, most)

    async def chunks(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes, as it was sent; only waiting for the client counts towards its time. Arguments and errors as `decoded`."""
        settings, received, waited, more = self._settings, 0, 0.0, True
        most = settings.body_bytes if most is None else most
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise _too_large(most, length)
        clock = asyncio.get_running_loop().time
        while more:
            begun = clock()
            try:
                async with asyncio.timeout(settings.body_seconds + received / settings.body_rate - waited):
                    message = await request.receive()
            except TimeoutError:
                raise BodyError(f"Expected a body at {settings.body_rate} bytes a second or faster, got {received} bytes.", 408) from None
            waited += clock() - begun
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            chunk, more = message.get("body", b""), message.get("more_body", False)
            received += len(chunk)
            if received > most:
                raise _too_large(most, "more")
            if chunk:
                yield chunk


async def _unzipped(chunks: AsyncIterator[bytes], encoding: str, most: int) -> AsyncIterator[bytes]:
    stream, size = zlib.decompressobj(EITHER_HEADER), 0
    async for chunk in chunks:
        for part in unzip(stream, chunk):
            size += len(part)
            if size > most:
                raise _too_large(most, "more after decompression")
            yield part
            await asyncio.sleep(0)
    if not stream.eof:
        raise ProtocolError(f"Expected a whole {encoding} body, got one that is cut short.")


def unzip(stream: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """A decompressed chunk of a gzip or zlib stream, in parts of at most `STEP` bytes.

    Raises:
        ProtocolError: The stream is malformed, or has bytes behind its end.
    """
    try:
        full = True
        while (chunk or full) and not stream.eof:
            part = stream.decompress(chunk, STEP)
            full, chunk = len(part) == STEP, stream.unconsumed_tail
            if part:
                yield part
    except zlib.error as error:
        raise ProtocolError(f"Expected a gzip or zlib stream, got: {error}.") from None
    if chunk or stream.unused_data:
        raise ProtocolError("Expected one compressed stream in a body, got bytes behind its end.")


def _too_large(most: int, came: str) -> BodyError:
    return BodyError(f"Expected a body of at most {most} bytes, got {came}.", 413)
