"""Pipes as a shell's `<(...)` makes them, filled by a thread: they take more than a pipe holds."""

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHANNELS = ("file", "descriptor", "fifo", "dash", "gzip", "gzip descriptor", "crlf", "crlf dash")
"""Ways by which a file's bytes come to a command."""


@contextmanager
def filled_pipe(data: bytes) -> Iterator[str]:
    """The path of a pipe that gives these bytes once."""
    reader, writer = os.pipe()

    def fill():
        with suppress(BrokenPipeError), os.fdopen(writer, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)
        thread.join()


def through(channel, path, data, command):
    """What a command gives, which takes a path and standard input, where these bytes come by this channel."""
    data = data.replace(b"\n", b"\r\n") if "crlf" in channel else data
    data = gzip.compress(data) if "gzip" in channel else data
    if "dash" in channel:
        return command("-", data)
    if "descriptor" in channel:
        with filled_pipe(data) as pipe:
            return command(pipe, None)
    if channel == "fifo":
        with filled_pipe(data) as pipe:
            link = path.with_name("link")
            link.unlink(missing_ok=True)
            link.symlink_to(pipe)
            return command(link, None)
    path.write_bytes(data)
    return command(path, None)
