import asyncio

import pytest
from starlette.requests import Request
from virtual_time import run

from dreamkeras.serving.errors import ClientDisconnectedError
from dreamkeras.serving.http.requests import cancel_on_disconnect


def disconnecting(seconds):
    """Returns a request of a client that disconnects after the given number of seconds."""

    async def receive():
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


def result_for(work, disconnects_after):
    """Returns the result of work for a client that disconnects after the given number of seconds."""
    return run(cancel_on_disconnect(disconnecting(disconnects_after), work))


async def after(seconds, log=None):
    try:
        await asyncio.sleep(seconds)
    finally:
        if log is not None:
            log.append("ended")
    return "done"


def test_connected_client_gets_the_result():
    assert result_for(after(0.01), disconnects_after=60) == "done"


def test_work_for_a_disconnected_client_has_ended_when_the_error_is_raised():
    log = []
    with pytest.raises(ClientDisconnectedError):
        result_for(after(60, log), disconnects_after=0.01)
    assert log == ["ended"]


def test_disconnect_at_the_time_of_the_answer_has_no_later_effect():
    async def scenario():
        loop = asyncio.get_running_loop()
        answered, disconnected = loop.create_future(), loop.create_future()
        loop.call_later(0.01, lambda: (answered.set_result("done"), disconnected.set_result({"type": "http.disconnect"})))

        async def work():
            return await answered

        found = await cancel_on_disconnect(Request({"type": "http"}, lambda: disconnected), work())
        await asyncio.sleep(0.01)
        return found, asyncio.current_task().cancelling()

    assert run(scenario()) == ("done", 0)


def test_task_can_continue_after_its_client_has_disconnected():
    async def scenario():
        with pytest.raises(ClientDisconnectedError):
            await cancel_on_disconnect(disconnecting(0.01), after(60))
        await asyncio.sleep(0.01)
        return asyncio.current_task().cancelling()

    assert run(scenario()) == 0


def test_cancelling_the_task_is_not_a_disconnect():
    async def scenario():
        task = asyncio.ensure_future(cancel_on_disconnect(disconnecting(60), after(60)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())


def test_errors_of_the_work_are_raised():
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        result_for(fail(), disconnects_after=60)
