"""gRPC server on a separate port, which runs together with the HTTP application."""

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
    """Adds a gRPC server to an application. At shutdown, calls in flight are answered and new calls are refused.

    Args:
        app: Application from `create_app`.
        host: Host name or address to listen on.
        port: Port to listen on. 0 selects a free port.
        tls: Certificate and key for encrypted connections. If None, connections are not encrypted.

    Returns:
        The port.

    Raises:
        DreamkerasError: The port is not available, or a certificate or key file cannot be read.
    """
    with bind(host, port) as listener:  # reports an unavailable port early, with the same message as for HTTP
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
        ("grpc.so_reuseport", 0),  # with this option, a second server could bind the same port and receive half of the connections
    ]


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    try:
        authorities = tls.client_ca.read_bytes() if tls.client_ca else None
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair], authorities, require_client_auth=authorities is not None)
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot load the certificate or key from {tls.certificate} and {tls.key}: {error}.") from None
