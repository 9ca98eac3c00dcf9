import asyncio

import pytest
from starlette.requests import Request

from dreamkeras.serving.errors import ClientDisconnectedError
from dreamkeras.serving.http.requests import cancel_on_disconnect


def leaver(seconds):
    """The request of a client who leaves after so many seconds."""

    async def receive():
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


def waited_for(work, leaves_after):
    """What comes of work for a client who leaves after so many seconds."""
    return asyncio.run(cancel_on_disconnect(leaver(leaves_after), work))


async def after(seconds, log=None):
    try:
        await asyncio.sleep(seconds)
    finally:
        if log is not None:
            log.append("ended")
    return "done"


def test_a_client_who_stays_gets_what_comes_of_it():
    assert waited_for(after(0.01), leaves_after=60) == "done"


def test_work_for_a_client_who_left_has_ended_when_that_is_told():
    log = []
    with pytest.raises(ClientDisconnectedError):
        waited_for(after(60, log), leaves_after=0.01)
    assert log == ["ended"]


def test_a_client_who_leaves_with_the_answer_disturbs_nothing_that_follows():
    async def scenario():
        loop = asyncio.get_running_loop()
        answered, left = loop.create_future(), loop.create_future()
        loop.call_later(0.01, lambda: (answered.set_result("done"), left.set_result({"type": "http.disconnect"})))

        async def work():
            return await answered

        found = await cancel_on_disconnect(Request({"type": "http"}, lambda: left), work())
        await asyncio.sleep(0.01)
        return found, asyncio.current_task().cancelling()

    assert asyncio.run(scenario()) == ("done", 0)


def test_a_task_goes_on_after_its_client_has_left():
    async def scenario():
        with pytest.raises(ClientDisconnectedError):
            await cancel_on_disconnect(leaver(0.01), after(60))
        await asyncio.sleep(0.01)
        return asyncio.current_task().cancelling()

    assert asyncio.run(scenario()) == 0


def test_who_cancels_the_task_is_not_taken_for_a_client():
    async def scenario():
        task = asyncio.ensure_future(cancel_on_disconnect(leaver(60), after(60)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_its_errors_are_handed_on():
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        waited_for(fail(), leaves_after=60)
