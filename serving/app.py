"""The application: routes of all protocols around one service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from . import routes_v2
from .auth import Guard
from .boundary import Boundary
from .models import ModelRepository
from .service import Service
from .settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings, models: ModelRepository, guard: Guard | None = None) -> Starlette:
    """The server as an ASGI application.

    Args:
        settings: Its bounds.
        models: What it answers for, loaded.
        guard: Who may ask; everybody if None.

    Returns:
        The application; `app.state.service` is what other protocols share with it.
    """
    service = Service(settings, models, guard or Guard())

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.batcher.start()
        try:
            yield
        finally:
            await asyncio.to_thread(service.batcher.close)

    app = Starlette(
        routes=[*routes_v2.routes()],
        middleware=[Middleware(Boundary, service=service)],
        exception_handlers={HTTPException: _hand_on},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return app


async def _hand_on(_: Request, error: Exception) -> Response:
    """404 and 405 of the routing are answered as all errors are, by the boundary."""
    raise error
