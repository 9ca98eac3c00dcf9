"""Determines the number of CPUs that this process may use, because ONNX Runtime ignores the quota of a cgroup."""

import os
from collections.abc import Iterator
from pathlib import Path

from dreamkeras.errors import ModelError

__all__ = ["available_cpus", "thread_count"]


def available_cpus(root: Path = Path("/")) -> int:
    """Returns the number of CPUs that this process may use, at least 1.

    The result is the smaller of two numbers: the CPUs in the affinity mask, and the tightest cgroup quota (v1 or v2). A fractional quota
    is rounded down, because the kernel pauses all threads when they exceed the quota together.

    Args:
        root: Folder under which `proc` and `sys` are mounted.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [float(cpus)]
    for folder in _cgroups(root):
        quotas += [*_quota(folder / "cpu.max"), *_quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")]
    return max(1, int(min(quotas)))


def thread_count(threads: int | None) -> int:
    """Returns `threads`, or the number of available CPUs if `threads` is None.

    Raises:
        ModelError: `threads` is below 1.
    """
    if threads is not None and threads < 1:
        raise ModelError(f"Expected at least 1 thread, got {threads}.")
    return threads or available_cpus()


def _cgroups(root: Path) -> Iterator[Path]:
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mounts = ["sys/fs/cgroup"] if not controllers else [f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu"]
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = Path(path.lstrip("/"))
        for mount in mounts:
            # In a container, `path` may be a path of the host, which does not exist below the mount. The container's
            # cgroup is then the root of the mount.
            yield from (root / mount / part for part in (group, *group.parents))


def _quota(*files: Path) -> Iterator[float]:
    """Yields the number of CPUs that a cgroup quota allows, or nothing if there is no quota.

    The quota and its period are in one file (cgroup v2) or in two files (cgroup v1).
    """
    words = " ".join(map(_read, files)).split()
    if len(words) == 2 and words[0] not in ("max", "-1"):
        yield int(words[0]) / int(words[1])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
