import asyncio

import pytest
from starlette.requests import Request

from dreamkeras.serving.leaving import unless_gone
from dreamkeras.serving.limits import ClientGoneError


def waited_for(work, leaves_after):
    """What comes of work for a client who leaves after so many seconds."""

    async def receive():
        await asyncio.sleep(leaves_after)
        return {"type": "http.disconnect"}

    return asyncio.run(unless_gone(Request({"type": "http"}, receive), work))


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
    with pytest.raises(ClientGoneError):
        waited_for(after(60, log), leaves_after=0.01)
    assert log == ["ended"]


def test_its_errors_are_handed_on():
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        waited_for(fail(), leaves_after=60)
