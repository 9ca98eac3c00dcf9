"""Child processes that leave nothing behind: they end with this process, and their temporary files are deleted."""

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence

from dreamkeras.files.temporary import temporary_folder

__all__ = ["end_with_parent", "run_child"]


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Runs a program that calls `end_with_parent`, and waits for it. An exception, for example by Ctrl-C, kills the program.

    Args:
        command: The program and its arguments.
        environment: Environment of the program. `TMPDIR` is set to a folder that this process deletes.

    Returns:
        The exit status and the captured output.
    """
    reading, writing = os.pipe()
    try:
        with temporary_folder() as folder:
            variables = {**environment, "TMPDIR": str(folder)}
            return subprocess.run(command, env=variables, stdin=reading, capture_output=True, check=False)  # noqa: S603
    finally:
        os.close(reading)
        os.close(writing)


def end_with_parent() -> None:
    """Starts a thread that ends this process when the other end of its standard input is closed: when the parent ends, even by kill -9."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
