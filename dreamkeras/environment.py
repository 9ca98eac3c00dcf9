"""The environment of the process: its variables, its signals, its limit of threads, and the optional packages that are installed."""

import _thread
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dreamkeras.errors import MissingPackageError

__all__ = ["SIGNALS", "TOO_FEW", "can_start_threads", "import_extra", "setting"]

SIGNALS = [number for number in signal.Signals if number.name in ("SIGTERM", "SIGHUP")]
"""Signals that stop a command: those of `docker stop`, SLURM and a closed terminal. Windows has no SIGHUP."""

TOO_FEW = "the limit of processes is reached. Raise this limit with ulimit -u, or end other processes."
"""Reason and advice if the system does not start a process or a thread."""

AMPLE = 4096
"""Limit of processes that is never tested: the system's defaults are higher."""


@contextmanager
def setting(name: str, value: str, *, replace: bool = False) -> Iterator[None]:
    """Sets an environment variable during a `with` block, unless the user has already set the variable.

    Args:
        name: Name of the variable. A variable with an empty value counts as unset.
        value: Value of the variable during the `with` block.
        replace: Whether to replace a value that the user has set.

    Example:
        >>> with setting("DREAMKERAS_EXAMPLE", "1"):
        ...     os.environ["DREAMKERAS_EXAMPLE"]
        '1'
        >>> "DREAMKERAS_EXAMPLE" in os.environ
        False
    """
    before = os.environ.get(name)
    if before and not replace:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def can_start_threads(number: int) -> bool:
    """Whether the system allows this process to start a number of threads. The limit of processes (`ulimit -u`) includes threads."""
    try:
        import resource
    except ImportError:  # on Windows, which has no such limit
        return True
    if not 0 <= resource.getrlimit(resource.RLIMIT_NPROC)[0] < AMPLE:
        return True
    started = _thread.allocate_lock()

    def wait() -> None:
        with started:
            pass

    with started:
        try:
            for _ in range(number):
                _thread.start_new_thread(wait, ())
        except RuntimeError:
            return False
    return True


def import_extra(module: str, need: str, extra: str) -> Any:
    """Imports a module of an optional package and returns the package.

    Args:
        module: Full name of the module, such as `pyarrow.parquet`.
        need: Name and purpose of the package for the error message, such as `pyarrow for Parquet files`.
        extra: The extra of dreamkeras that installs the package.

    Raises:
        MissingPackageError: The package is not installed.
    """
    try:
        return __import__(module)
    except ImportError:
        raise MissingPackageError(f"Missing package: {need}. Install the package with: pip install 'dreamkeras[{extra}]'.") from None
