"""Functions that all routes share: access to the service, JSON bodies, and cancellation when the client disconnects."""

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
    """Returns the service of the application that received a request."""
    service: Service = request.app.state.service
    return service


async def read_json_body(request: Request, *, optional: bool = False) -> Fields:
    """Returns the JSON object in the body. If `optional` is True, an empty body is read as an empty object.

    Raises:
        ProtocolError: See `Bodies.read` and `read_json`.
    """
    service = service_of(request)
    async with service.bodies.read(request) as body:
        request.state.is_received = True
        return read_json(body, service.settings) if body.strip() or not optional else {}


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Returns the result of a coroutine, or cancels the coroutine if the client disconnects first.

    The coroutine runs in the caller's task, because a new task would cost two iterations of the event loop per answer. A second task waits
    for the client to disconnect.

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
