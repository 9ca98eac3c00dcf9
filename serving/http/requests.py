"""Shared by all routes: the service, the JSON body of a request, and cancelling when its client disconnects."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from starlette.requests import Request

from ..errors import ClientDisconnectedError
from ..protocol.json_text import Fields, read_json
from ..service import Service

__all__ = ["cancel_on_disconnect", "read_json_body", "service_of"]

_T = TypeVar("_T")


def service_of(request: Request) -> Service:
    """The service of the application that received a request."""
    service: Service = request.app.state.service
    return service


async def read_json_body(request: Request, *, optional: bool = False) -> Fields:
    """The JSON object in the body; an empty one if it may be left out and is.

    Raises:
        ProtocolError: As `Bodies.read` and `read_json`.
    """
    service = service_of(request)
    async with service.bodies.read(request) as body:
        request.state.is_received = True
        return read_json(body, service.settings) if body.strip() or not optional else {}


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Returns the result of a coroutine, and cancels it when the client disconnects first.

    The caller's task does the work, and another one waits for the client to disconnect: with one more for the work, each
    answer would take two more turns of the event loop.

    Raises:
        ClientDisconnectedError: The client has disconnected.
    """
    caller = cast("asyncio.Task[Any]", asyncio.current_task())
    disconnect = asyncio.ensure_future(request.receive())
    is_over = False

    def give_up(_: asyncio.Future[Any]) -> None:
        if not is_over:
            caller.cancel(disconnect)

    disconnect.add_done_callback(give_up)
    try:
        return await work
    except asyncio.CancelledError as error:
        if disconnect in error.args and caller.uncancel() == 0:
            raise ClientDisconnectedError from None
        raise
    finally:
        is_over = True
        disconnect.cancel()
