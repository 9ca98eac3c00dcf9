"""HTTP protocol class for uvicorn with limits on the number of connections and on the time for headers and responses."""

import asyncio
import json
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dreamkeras.errors import MissingPackageError

from ..settings import Settings

__all__ = ["bounded_protocol"]

INTERNALS = (
    "connection_lost",
    "connection_made",
    "connections",
    "cycle",
    "data_received",
    "loop",
    "on_response_complete",
    "pause_writing",
    "resume_writing",
    "send_400_response",
    "transport",
)
"""Internal methods and attributes of uvicorn's protocol class that this module uses. uvicorn may change internal names in any version.
"""

TESTED = "0.54"
"""Newest minor version of uvicorn with which the server was tested."""

HEAD = b"HTTP/"
"""First bytes of every HTTP response."""

JOINED = 1 << 16
"""Maximum size in bytes of a body that is joined with the response head. A larger body is sent separately, without a copy."""

REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


def bounded_protocol(settings: Settings) -> type[HttpToolsProtocol]:
    """Returns a protocol class for `uvicorn.Config(http=...)`. Each call returns a new class with a separate count of connections.

    Raises:
        MissingPackageError: The installed uvicorn lacks a name of `INTERNALS`.
    """
    _check_internals(HttpToolsProtocol)
    without_request: dict[_BoundedProtocol, None] = {}
    between_requests: dict[_BoundedProtocol, None] = {}

    class Bounded(_BoundedProtocol):
        bounds = settings
        silent = without_request
        idle = between_requests

    return Bounded


def _check_internals(protocol: type) -> None:
    """Raises `MissingPackageError` if a protocol class lacks one of `INTERNALS`, on which the limits depend."""
    found = {*dir(protocol), *protocol.__init__.__code__.co_names}  # type: ignore[misc]  # mypy expects `__init__` of an instance
    if missing := [name for name in INTERNALS if name not in found]:
        raise MissingPackageError(
            f"The installed uvicorn {uvicorn.__version__} lacks the internal names {', '.join(missing)}. "
            f"Install a tested version: pip install 'uvicorn=={TESTED}.*'."
        )


class _BoundedProtocol(HttpToolsProtocol):
    """HTTP connection, called "silent" until the headers of its first request are complete, and "idle" between requests.

    If a new connection exceeds the limit, one connection is closed. If more than half of the allowed connections are silent, or no
    connection is idle, the oldest silent connection is closed, so that clients that send nothing cannot displace the others. If at most
    half of the allowed connections are silent, the connection that has been idle longest is closed, so that unused connections cannot
    block new clients.
    """

    bounds: Settings
    silent: "dict[_BoundedProtocol, None]"
    idle: "dict[_BoundedProtocol, None]"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # same signature as in uvicorn
        super().connection_made(_HeadAndBody(transport, self.loop))  # type: ignore[arg-type]  # has the methods of a transport
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self.silent[self] = None
        self._wait_for_head()
        if superfluous := self._superfluous():
            superfluous.refuse(503, f"Too many connections: at most {self.bounds.connections} are allowed. Try again later.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._stop_timer("_head_timer")
        self._stop_timer("_answer_timer")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        expects_head = self in self.silent or self in self.idle
        self._head_bytes += len(data) if expects_head else 0
        super().data_received(data)
        if self._is_busy:
            self._forget()
            self._stop_timer("_head_timer")
        elif self._head_bytes > self.bounds.header_bytes:
            self.refuse(431, f"Expected headers of at most {self.bounds.header_bytes} bytes, got more.")
        elif expects_head and self._head_timer is None and not self.transport.is_closing():
            self._wait_for_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_busy and not self.transport.is_closing():
            self._head_bytes = 0
            self.idle[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        # `abort` is used, since `close` would wait until the client reads.
        self._answer_timer = self.loop.call_later(self.bounds.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_timer("_answer_timer")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Responds to a malformed HTTP request with a JSON error."""
        self.refuse(400, f"Malformed HTTP request: {msg}")

    def refuse(self, status: int, message: str) -> None:
        """Sends a JSON error to a client whose request is incomplete or malformed, and closes the connection."""
        body = json.dumps({"error": message})
        if not self.transport.is_closing():
            head = f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write((head + body).encode())
            self.transport.close()
        self._forget()

    @property
    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _superfluous(self) -> "_BoundedProtocol | None":
        """Returns the connection to close if there are too many connections, and None otherwise. The returned connection may be `self`."""
        if len(self.connections) <= self.bounds.connections:
            return None
        too_silent = len(self.silent) > self.bounds.connections // 2
        return next(iter(self.silent if too_silent or not self.idle else self.idle))

    def _forget(self) -> None:
        self.silent.pop(self, None)
        self.idle.pop(self, None)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.bounds.header_seconds, self._give_up_head)

    def _give_up_head(self) -> None:
        if self._head_bytes:
            self.refuse(408, f"Request headers were incomplete after {self.bounds.header_seconds:g} seconds.")
        else:
            self.transport.close()

    def _stop_timer(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)


class _HeadAndBody:
    """Transport wrapper that sends the head and body of a response in one system call.

    Without this wrapper, uvicorn sends head and body separately, and the client wakes up twice. Only `write` and `close` are wrapped,
    since uvicorn sends all data with `write`.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._head and bytes(data[: len(HEAD)]) == HEAD:
            self._head = data
            self._loop.call_soon(self._flush)
            return
        if self._head and len(data) > JOINED:
            self._flush()
        data, self._head = self._head + data if self._head else data, b""
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)
