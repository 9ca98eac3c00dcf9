"""Pipes like those of a shell's `<(...)`, filled by a thread so that the data can be larger than the pipe's buffer."""

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHANNELS = ("file", "descriptor", "fifo", "dash", "gzip", "gzip descriptor", "crlf", "crlf dash")
"""The ways in which a command can receive the contents of a file."""


@contextmanager
def filled_pipe(data: bytes) -> Iterator[str]:
    """Context manager that yields the path of a pipe from which the data can be read once."""
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
    """Passes data to a command through a channel and returns the result. The command takes a path and the standard input."""
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
