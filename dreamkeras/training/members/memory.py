"""Determines how much memory new processes may use."""

from contextlib import suppress
from pathlib import Path

__all__ = ["available_memory"]


def available_memory(root: Path = Path("/")) -> int | None:
    """Returns the number of bytes that new processes may use, or None if the system does not report it.

    The result is the smaller of two numbers: the available memory of the machine, and the limit of the container (cgroup v2).

    Args:
        root: Folder under which `proc` and `sys` are mounted.
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = (root / "proc/meminfo").read_text("utf-8").splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    with suppress(OSError, ValueError):  # without a limit, the file contains the word max
        found.append(int((root / "sys/fs/cgroup/memory.max").read_text("utf-8")))
    return min(found, default=None)
