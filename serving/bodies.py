"""Reads the bodies of HTTP requests, with limits on size, time and the total memory of all bodies.

The limits on connections and headers are in `http/connections.py`. The limits on JSON and on the number of rows are in `protocol/`.
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
"""Maximum number of bytes decompressed at a time. The server can answer other requests between two steps of decompression."""

ENCODINGS = ("identity", "gzip", "deflate")
EITHER_HEADER = zlib.MAX_WBITS | 32
"""Window size for zlib that accepts both the gzip and the zlib format."""


class Bodies:
    """Reads request bodies within the limits of the settings. `held` is the total size of bodies in memory, in bytes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.held = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Reads and decompresses the complete body. The size of the body is included in `held` until the context ends.

        Raises:
            ProtocolError: The status is 400 if the body cannot be decompressed, 408 if the body arrives too slowly, and 413 if the body is
                too large. The status is 415 for a form or an unknown encoding, and 503 if too much memory is used by request bodies.
            ClientDisconnectedError: The client has disconnected.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async for part in self.decoded(request):
                size += len(part)
                self.held += len(part)
                if self.held > self._settings.held_bytes:
                    raise BodyError(f"Server busy: {self.held} bytes of request bodies are in memory. Try again later.", 503)
                parts.append(part)
            yield parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            self.held -= size

    def decoded(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """Yields the decompressed body in chunks as they arrive. The size of the chunks is not included in `held`.

        Args:
            request: The HTTP request.
            most: Maximum size of the body in bytes, before and after decompression. Defaults to the setting `body_bytes`.

        Raises:
            ProtocolError: The status is 400, 408, 413 or 415, for the reasons that `read` lists.
            ClientDisconnectedError: The client has disconnected.
        """
        most = self._settings.body_bytes if most is None else most
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            raise ProtocolError("Expected a file or JSON as the body, got a multipart form. Use curl --data-binary @FILE, not -F.", 415)
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ENCODINGS:
            raise BodyError(f"Expected Content-Encoding to be one of {', '.join(ENCODINGS)}, got {encoding[:40]!r}.", 415)
        chunks = self.chunks(request, most)
        return chunks if encoding == "identity" else _unzipped(chunks, encoding, most)

    async def chunks(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """Yields the body in chunks as they arrive, without decompression. Takes the same arguments as `decoded`.

        Only the time spent waiting for the client counts towards the time limit.
        """
        settings, received, waited, more = self._settings, 0, 0.0, True
        most = settings.body_bytes if most is None else most
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise _too_large(most, length)
        clock = asyncio.get_running_loop().time
        while more:
            begun, seconds = clock(), settings.body_seconds + received / settings.body_rate
            try:
                async with asyncio.timeout(seconds - waited):
                    message = await request.receive()
            except TimeoutError:
                raise BodyError(
                    f"Request body too slow: {received} bytes received in {seconds:.1f} seconds, "
                    f"expected at least {settings.body_rate} bytes per second.",
                    408,
                ) from None
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
        raise ProtocolError(f"Request body is truncated: the {encoding} stream is incomplete.")


def unzip(stream: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """Decompresses a chunk of a gzip or zlib stream, in parts of at most `STEP` bytes.

    Raises:
        ProtocolError: The stream is malformed, or extra bytes follow the end of the stream.
    """
    try:
        full = True
        while (chunk or full) and not stream.eof:
            part = stream.decompress(chunk, STEP)
            full, chunk = len(part) == STEP, stream.unconsumed_tail
            if part:
                yield part
    except zlib.error as error:
        raise ProtocolError(f"Cannot decompress the request body: {error}.") from None
    if chunk or stream.unused_data:
        raise ProtocolError("Request body has extra bytes after the end of the compressed stream.")


def _too_large(most: int, came: str) -> BodyError:
    return BodyError(f"Expected a body of at most {most} bytes, got {came}.", 413)
