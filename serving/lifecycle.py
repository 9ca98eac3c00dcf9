"""Starts the server and shuts it down: binds the port, serves requests, and answers requests in flight before the process exits."""

import asyncio
import contextlib
import os
import selectors
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette

from dreamkeras.errors import DreamkerasError, InputError

from .http.connections import bounded_protocol
from .service import Service

__all__ = ["Tls", "bind", "make_server", "run"]

BACKLOG = 2048
SPARE_FILES = 64
"""File descriptors reserved for files other than connections."""

LOOKS = 1000
"""Before the server closes the port, it checks at most this many times, every 10 ms, whether connections or requests are still unread."""


class Tls(NamedTuple):
    """PEM files for TLS.

    Args:
        certificate: Certificate chain of the server.
        key: Private key of the certificate.
        client_ca: Certificate authorities from which clients must present a certificate. If None, clients need no
            certificate.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


def bind(host: str, port: int) -> socket.socket:
    """Opens a listening socket. Port 0 selects a free port.

    Raises:
        DreamkerasError: The port is not available.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # asyncio sets TCP_NODELAY only for sockets with an explicit IPPROTO_TCP. TCP_NODELAY saves 40 ms per answer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(listener.close)
            if os.name == "posix":  # on Windows, SO_REUSEADDR would let two servers share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            on_failure.pop_all()
    except (OSError, OverflowError) as error:
        raise DreamkerasError(f"Cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}.") from None
    return listener


def run(app: Starlette, listener: socket.socket, tls: Tls | None = None, started: Callable[[], None] = lambda: None) -> None:
    """Serves until SIGTERM, SIGHUP or SIGINT, and returns after the requests in flight have been answered.

    After SIGTERM or SIGHUP, the server reports "not ready" but accepts requests for another `notice_seconds`, so that load balancers can
    react. After the notice period, the server closes the port and answers the requests in flight. SIGINT or a second SIGTERM ends the
    notice period immediately. A further signal stops the server without waiting for requests in flight.

    Args:
        app: Application from `create_app`.
        listener: Socket from `bind`.
        tls: Certificate and key for HTTPS. If None, the server uses plain HTTP.
        started: Function to call as soon as the server accepts requests.

    Raises:
        InputError: The limit on open files is too low for the setting `connections`, or the certificate cannot be loaded.
        RuntimeError: The system allows too few threads.
    """
    with listener:
        _allow_files(app.state.service.settings.connections + SPARE_FILES)
        server = make_server(app, tls, started)
        app.state.service.batcher.start()  # here, because uvicorn would log an error as a traceback
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it; Windows has no SIGHUP
            signal.signal(signal.SIGHUP, server.handle_exit)
        server.run([listener])


def make_server(app: Starlette, tls: Tls | None = None, started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """Returns the configured uvicorn server for `run`.

    Raises:
        InputError: The certificate or key cannot be loaded.
    """
    service: Service = app.state.service
    settings = service.settings
    config = uvicorn.Config(
        app,
        http=bounded_protocol(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(app.state.proxy.trusted),
        forwarded_allow_ips=",".join(app.state.proxy.trusted),
        backlog=BACKLOG,
        timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]  # uvicorn also accepts a float
        timeout_graceful_shutdown=settings.drain_seconds,  # type: ignore[arg-type]
        **(_tls_options(tls) if tls else {}),
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        files = ", ".join(str(file) for file in tls or () if file)
        raise InputError(f"Cannot load the PEM files for TLS ({files}): {error}.") from None
    return _Server(config, service, started)


class _Server(uvicorn.Server):
    """uvicorn server with a notice period before shutdown, and an exit code of 0 after a signal."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._started = started
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handles a signal. uvicorn's own handler would raise the signal again at the end, so that the exit code would not be 0."""
        if self.should_exit:
            self.force_exit = True
        elif self._service.stopping or sig == signal.SIGINT or self._loop is None:
            self._service.stopping = self.should_exit = True
        else:
            self._service.stopping = True
            self._loop.call_soon_threadsafe(
                self._loop.call_later, self._service.settings.notice_seconds, setattr, self, "should_exit", True
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the port after the server has read the connections and requests that the kernel has already received."""
        listeners = [listener for server in self.servers for listener in server.sockets]
        for _ in range(LOOKS):
            if not self._has_unread(listeners):
                break
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    def _has_unread(self, listeners: Sequence[Any]) -> bool:
        """Whether a new connection waits to be accepted, or an open connection without a request in flight has unread data."""
        connections: list[Any] = list(self.server_state.connections)  # instances of the class that `bounded_protocol` returns
        idle = [connection for connection in connections if connection.cycle is None or connection.cycle.response_complete]
        transports = [connection.transport for connection in idle if not connection.transport.is_closing()]
        with selectors.DefaultSelector() as selector:
            for source in [*listeners, *(transport.get_extra_info("socket") for transport in transports)]:
                selector.register(source.fileno(), selectors.EVENT_READ)
            return bool(selector.select(0))


def _tls_options(tls: Tls) -> dict[str, Any]:
    import ssl

    options: dict[str, Any] = {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
    if tls.client_ca:
        options |= {"ssl_ca_certs": str(tls.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options


def _allow_files(number: int) -> None:
    """Increases the soft limit on open files to `number` if necessary. Raises `InputError` if the hard limit is lower."""
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < number:
            if hard != resource.RLIM_INFINITY and hard < number:
                raise InputError(
                    f"The setting `connections` requires {number} open files, but the limit is {hard} (ulimit -Hn). "
                    "Raise the limit or lower `connections`."
                )
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
