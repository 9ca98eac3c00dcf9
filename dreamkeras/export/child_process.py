"""Child processes that end when their parent process ends, and whose temporary files the parent deletes."""

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence

from dreamkeras.files.temporary import temporary_folder

__all__ = ["end_with_parent", "run_child"]


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Runs a program in a child process and waits until it ends. The program must call `end_with_parent`.

    An exception in the parent process, for example after Ctrl-C, kills the program.

    Args:
        command: The program and its arguments.
        environment: Environment of the program. `TMPDIR` is set to a temporary folder, which the parent process deletes after the program
            has ended.

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
    """Starts a thread that ends this process when the parent process ends, even if the parent is killed.

    The thread waits for the end of standard input, because the system closes the parent's end of the pipe when the parent ends.
    """

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
