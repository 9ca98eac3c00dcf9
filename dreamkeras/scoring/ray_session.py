"""Starts Ray on this machine or connects to a cluster, without Ray's messages on standard error.

Ray is not imported by this module. The module `ray` is passed to the functions.
"""

import atexit
import contextlib
import functools
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from dreamkeras.environment import setting
from dreamkeras.errors import DreamkerasError, one_line
from dreamkeras.files.streams import discarded_messages
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.scoring.cpus import available_cpus

__all__ = ["naming_failure", "quiet_ray", "started_ray"]

SOCKET_FOLDER = 28
"""Maximum length of the path of the system's temporary folder.

With a longer path, the paths of Ray's sockets in this folder could exceed the limit of 107 characters.
"""


LOG_LEVEL = "RAY_BACKEND_LOG_LEVEL"
"""Environment variable with the log level of Ray's C++ code. By default, the code writes warnings about its own actors as errors."""


@contextlib.contextmanager
def started_ray(ray: Any, address: str | None, threads: int) -> Iterator[None]:
    """Connects Ray to the cluster at an address, or starts Ray on this machine.

    If Ray is started on this machine, it sends no usage reports. The temporary files of Ray and of its processes are removed afterwards.

    Args:
        ray: The module `ray`.
        address: Address of the cluster, or None to start Ray on this machine.
        threads: Number of threads of each process.

    Raises:
        DreamkerasError: Ray cannot be started, or the cluster cannot be reached.
    """
    with contextlib.ExitStack() as stack:
        is_quiet = not os.environ.get(LOG_LEVEL)
        stack.enter_context(setting(LOG_LEVEL, "fatal"))
        choices: dict[str, Any] = {"address": address}
        if address is None:
            place = "/tmp" if len(tempfile.gettempdir()) > SOCKET_FOLDER else None  # noqa: S108
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", dir=place, ignore_cleanup_errors=True))
            # If Ray fails to start, it stops its processes when Python exits, after which their files can be removed.
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(setting("TMPDIR", str(stack.enter_context(temporary_folder())), replace=True))
            choices = {"num_cpus": max(available_cpus(), threads), "include_dashboard": False, "_temp_dir": folder}
            # If the environment has no token, Ray writes a new token to the home folder.
            for name, value in {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_TOKEN": _token()}.items():
                stack.enter_context(setting(name, value))
        stack.callback(ray.shutdown)
        with (
            naming_failure(f"Cannot connect to Ray at {address}" if address else "Cannot start Ray"),
            discarded_messages() if is_quiet else contextlib.nullcontext(),  # Ray reports the value of LOG_LEVEL on standard error
        ):
            ray.init(**choices, log_to_driver=False, logging_level="ERROR")
        yield


@contextlib.contextmanager
def naming_failure(failure: str) -> Iterator[None]:
    """Converts exceptions of Ray, which have several base classes, to an error with a one-line message."""
    try:
        yield
    except DreamkerasError:
        raise
    except Exception as error:
        raise DreamkerasError(f"{failure}: {one_line(error)}") from error


@functools.cache  # all calls use the same token, because Ray keeps the first token of a process
def _token() -> str:
    return secrets.token_hex(32)


@contextlib.contextmanager
def quiet_ray(ray: Any) -> Iterator[None]:
    """Turns off the log and the progress bars that Ray Data writes to standard error, and restores both afterwards."""
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    bars, level = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = bars
        logger.setLevel(level)
