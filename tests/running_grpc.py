"""Test server for gRPC only, in a thread and on a free port."""

import asyncio
import contextlib
import threading
from typing import NamedTuple

from running_server import QUICK

from dreamkeras.serving.grpc.server import add_grpc
from dreamkeras.serving.http.app import create_app


class RunningGrpc(NamedTuple):
    """A running server: address, service, and an event that stops it."""

    address: str
    service: object
    stop: object


@contextlib.contextmanager
def running_grpc(models, settings=QUICK, guard=None, tls=None):
    """Context manager that serves models over gRPC."""
    app = create_app(settings, models, guard)
    port = add_grpc(app, "127.0.0.1", 0, tls)
    started, stop, loops = threading.Event(), asyncio.Event(), []

    async def serve():
        async with app.router.lifespan_context(app):
            loops.append(asyncio.get_running_loop())
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(30)

    def end():
        loops[0].call_soon_threadsafe(stop.set)

    try:
        yield RunningGrpc(f"127.0.0.1:{port}", app.state.service, end)
    finally:
        if thread.is_alive():
            end()
        thread.join(30)
        assert not thread.is_alive()
