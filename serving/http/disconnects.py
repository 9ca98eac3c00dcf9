"""Clients that leave before their answer: what they asked for is given up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from starlette.requests import Request

from ..errors import ClientDisconnectedError

__all__ = ["cancel_on_disconnect"]

_T = TypeVar("_T")


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine returns; cancelled when the client leaves before that.

    The work is done by the caller's task, and another one waits for the client to leave: with one more for the work, each
    answer would take two more turns of the event loop.

    Raises:
        ClientDisconnectedError: It has left.
    """
    caller = cast("asyncio.Task[Any]", asyncio.current_task())
    leaving = asyncio.ensure_future(request.receive())
    is_over = False

    def give_up(_: asyncio.Future[Any]) -> None:
        if not is_over:
            caller.cancel(leaving)

    leaving.add_done_callback(give_up)
    try:
        return await work
    except asyncio.CancelledError as error:
        if leaving in error.args and caller.uncancel() == 0:
            raise ClientDisconnectedError from None
        raise
    finally:
        is_over = True
        leaving.cancel()
