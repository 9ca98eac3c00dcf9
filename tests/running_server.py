"""Test servers in a thread or a separate process, and requests to an ASGI application without a port."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.lifecycle import bind, make_server
from dreamkeras.serving.settings import Settings

QUICK = Settings(notice_seconds=0, drain_seconds=10, batch_rows=8)


class Running(NamedTuple):
    """A running server: address, service and uvicorn server."""

    address: str
    port: int
    service: object
    server: object


@contextlib.contextmanager
def running_server(models, settings=QUICK, guard=None, tls=None, proxy=None):
    """Context manager that serves models over HTTP."""
    app, started, listener = create_app(settings, models, guard, proxy), threading.Event(), bind("127.0.0.1", 0)
    server = make_server(app, tls, started.set)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert started.wait(30)
    port = listener.getsockname()[1]
    try:
        yield Running(f"127.0.0.1:{port}", port, app.state.service, server)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


class Answer(NamedTuple):
    """Answer of an application."""

    status: int
    headers: dict
    body: bytes

    @property
    def error(self) -> str:
        return json.loads(self.body)["error"]


def ask(app, method, path, body=b"", headers=None, *, chunks=None, leave=False, query=b""):
    """Returns the answer of an ASGI application, or None if it sent none.

    Args:
        chunks: Parts of the body, instead of `body`. An exception among the parts ends the body there, as if the rest never arrived.
        leave: Whether the client disconnects immediately after sending the body.
    """
    parts = [body] if chunks is None else list(chunks)
    sent = []

    async def receive():
        if parts:
            part = parts.pop(0)
            if part is None:
                await asyncio.sleep(3600)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}
        if not leave:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    async def run():
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "scheme": "http",
            "client": ("192.0.2.1", 5000),
            "server": ("127.0.0.1", 8000),
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "state": {},
        }
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(run())
    if not sent:
        return None
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


class ServerProcess(NamedTuple):
    """`dreamkeras serve` in a separate process: the process, its port, and the file with its standard error."""

    process: subprocess.Popen
    port: int
    log: Path

    def stop(self, seconds=30):
        """Sends SIGTERM and returns the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


@contextlib.contextmanager
def server_process(folder, *options, settings=""):
    """Starts `dreamkeras serve` with options and settings (TOML), and waits until the server accepts requests."""
    (folder / "settings.toml").write_text(settings)
    log = folder / "serve.log"
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "  # nohup ignores SIGHUP
    code += "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')"
    command = [sys.executable, "-c", code, "serve", "--port", "0"]
    with log.open("w") as stream:
        process = subprocess.Popen([*command, "--settings", str(folder / "settings.toml"), *map(str, options)], stderr=stream)
    try:
        yield ServerProcess(process, _wait_for_port(process, log), log)
    finally:
        process.kill()
        process.wait()


def _wait_for_port(process, log):
    for _ in range(600):
        if found := re.search(r"^Serving .* on https?://[^ ]*:(\d+)", log.read_text(), re.MULTILINE):
            return int(found[1])
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())
