"""ASGI application with all HTTP routes of a service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette

from ..auth import Guard
from ..http import routes_kserve_v1, routes_v1, routes_v2
from ..repository import ModelRepository
from ..service import Service
from ..settings import Settings
from .boundary import Boundary
from .proxy import Proxy

__all__ = ["create_app"]


def create_app(settings: Settings, models: ModelRepository, guard: Guard | None = None, proxy: Proxy | None = None) -> Starlette:
    """Creates the server as an ASGI application. HTTP and gRPC share the service in `app.state.service`.

    Args:
        settings: Limits and timeouts.
        models: Repository with the loaded models.
        guard: Permissions. If None, everybody may send requests, and nobody may load or unload models.
        proxy: Settings for a reverse proxy and for pages of other sites. If None, the headers of a proxy are ignored, and pages of other
            sites are refused.
    """
    service, proxy = Service(settings, models, guard or Guard()), proxy or Proxy()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if not service.batcher.alive:
            service.batcher.start()
        try:
            yield
        finally:
            await asyncio.to_thread(service.batcher.close)

    app = Starlette(routes=[*routes_v2.routes(), *routes_v1.routes(), *routes_kserve_v1.routes()], lifespan=lifespan)
    app.middleware_stack = Boundary(app.router, service, proxy)  # replaces Starlette's own error handling
    app.router.redirect_slashes = False
    app.state.service = service
    app.state.proxy = proxy
    return app
