"""The ASGI application: all routes around one service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette

from ..auth import Guard
from ..http import routes_v1, routes_v2
from ..repository import ModelRepository
from ..service import Service
from ..settings import Settings
from .boundary import Boundary

__all__ = ["create_app"]


def create_app(settings: Settings, models: ModelRepository, guard: Guard | None = None) -> Starlette:
    """The server as an ASGI application, whose `app.state.service` other protocols share.

    Args:
        settings: Its bounds.
        models: The models, loaded.
        guard: Permissions; everybody may send requests if None.
    """
    service = Service(settings, models, guard or Guard())

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.batcher.start()
        try:
            yield
        finally:
            await asyncio.to_thread(service.batcher.close)

    app = Starlette(routes=[*routes_v2.routes(), *routes_v1.routes()], lifespan=lifespan)
    app.middleware_stack = Boundary(app.router, service)  # it answers all errors; Starlette's own would interfere
    app.router.redirect_slashes = False
    app.state.service = service
    return app
