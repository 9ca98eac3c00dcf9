"""gRPC beside HTTP, on a port of its own, while the application runs."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
from starlette.applications import Starlette

from dreamkeras.errors import InputError

from ..lifecycle import Tls, bind
from ..service import Service
from .service import SLOTS, grpc_handler

__all__ = ["add_grpc"]


def add_grpc(app: Starlette, host: str, port: int, tls: Tls | None = None) -> int:
    """Makes an application serve gRPC, too, while it runs; when it stops, calls in flight are answered and new ones refused.

    Args:
        app: From `create_app`.
        host: A name or an address.
        port: 0 for any free one.
        tls: For encrypted connections.

    Returns:
        The port.

    Raises:
        DreamkerasError: The port is not available, or a file of `tls` cannot be read.
    """
    with bind(host, port) as listener:  # for the error message that HTTP has, before anything else begins
        port = listener.getsockname()[1]
    credentials = _credentials(tls) if tls else None
    without, service = app.router.lifespan_context, app.state.service

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        async with without(app) as state:
            server = grpc.aio.server(maximum_concurrent_rpcs=service.settings.connections, options=_options(service))
            server.add_generic_rpc_handlers((grpc_handler(service),))
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            if credentials:
                server.add_secure_port(address, credentials)
            else:
                server.add_insecure_port(address)
            await server.start()
            try:
                yield state
            finally:
                await server.stop(service.settings.drain_seconds)

    app.router.lifespan_context = lifespan
    return port


def _options(service: Service) -> list[tuple[str, int]]:
    settings = service.settings
    return [
        ("grpc.max_receive_message_length", min(settings.body_bytes, settings.held_bytes // SLOTS)),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", settings.header_bytes),
        ("grpc.max_connection_idle_ms", round(settings.idle_seconds * 1000)),
        ("grpc.so_reuseport", 0),  # or a second server would have every other connection of the first one's
    ]


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    try:
        authorities = tls.client_ca.read_bytes() if tls.client_ca else None
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair], authorities, require_client_auth=authorities is not None)
    except (OSError, ValueError) as error:
        raise InputError(f"Expected a certificate and its key in {tls.certificate} and {tls.key}, got: {error}.") from None
