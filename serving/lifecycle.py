"""Start and stop: binds the port, serves, and stops so that requests in flight are answered."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
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
"""Files that the process has open beside its connections."""

LAST_LOOK = 0.05
"""Seconds between closing the port and closing idle connections, in which what has been sent on those is still read."""


class Tls(NamedTuple):
    """PEM files for HTTPS.

    Args:
        certificate: The chain.
        key: Its key.
        client_ca: Authorities whose certificates clients must present; None: clients need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


def bind(host: str, port: int) -> socket.socket:
    """The socket to listen on; port 0 stands for any free one.

    Raises:
        DreamkerasError: The port is not available.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # With the protocol named: asyncio switches off Nagle's delays, 40 ms an answer, only where it stands.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(listener.close)
            if os.name == "posix":  # elsewhere it would let two servers share the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            on_failure.pop_all()
    except (OSError, OverflowError) as error:
        raise DreamkerasError(f"Expected to listen on {host}, port {port}, got: {getattr(error, 'strerror', None) or error}.") from None
    return listener


def run(app: Starlette, listener: socket.socket, tls: Tls | None = None, started: Callable[[], None] = lambda: None) -> None:
    """Serves until SIGTERM or SIGINT, then returns when the requests in flight are answered.

    After SIGTERM the server is "not ready" but goes on for `notice_seconds`, so that load balancers notice; then it closes the port
    and answers what is in flight. SIGINT, or a second SIGTERM, skips the notice; one more ends it at once.

    On Linux the calling thread gets the scheduling class SCHED_BATCH.

    Args:
        app: From `create_app`.
        listener: From `bind`.
        tls: For HTTPS.
        started: Called when requests are being answered.

    Raises:
        InputError: There are not enough open files for the connections that the settings allow, or `tls` has no certificate in it.
    """
    _allow_files(app.state.service.settings.connections + SPARE_FILES)
    _give_way()
    make_server(app, tls, started).run([listener])


def make_server(app: Starlette, tls: Tls | None = None, started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """The server that `run` runs.

    Raises:
        InputError: `tls` has no certificate in it.
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
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]  # a float is as good
        timeout_graceful_shutdown=settings.drain_seconds,  # type: ignore[arg-type]
        **(_tls_options(tls) if tls else {}),
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        files = ", ".join(str(file) for file in tls or () if file)
        raise InputError(f"Expected a certificate, its key and authorities in {files}, got: {error}.") from None
    return _Server(config, service, started)


class _Server(uvicorn.Server):
    """uvicorn's server, with the notice before it stops, and an exit code of 0 after a signal."""

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
        """Handles a signal; uvicorn's own handler would raise it again at the end, and the exit code be the signal's."""
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
        for server in self.servers:
            server.close()
        await asyncio.sleep(LAST_LOOK)
        await super().shutdown(sockets)


def _tls_options(tls: Tls) -> dict[str, Any]:
    import ssl

    options: dict[str, Any] = {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
    if tls.client_ca:
        options |= {"ssl_ca_certs": str(tls.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options


def _give_way() -> None:
    """On Linux, makes this thread and those it starts wait for a CPU when they wake, instead of taking one from a scorer.

    A scheduling class that an operator has chosen stays.
    """
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):  # a sandbox may forbid it, and does no harm
            if os.sched_getscheduler(0) == os.SCHED_OTHER:
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _allow_files(number: int) -> None:
    """Raises the process's soft limit of open files, if that is necessary and permitted."""
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < number:
            if hard != resource.RLIM_INFINITY and hard < number:
                raise InputError(f"Expected to be allowed {number} open files for that many connections, got {hard}: `ulimit -Hn`.")
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
