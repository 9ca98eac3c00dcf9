"""How many CPUs this process may use: its affinity and its cgroup's quota, which ONNX Runtime does not look at."""

import os
from collections.abc import Iterator
from pathlib import Path

from dreamkeras.errors import ModelError

__all__ = ["available_cpus", "thread_count"]


def available_cpus(root: Path = Path("/")) -> int:
    """Whole CPUs that this process may keep busy, at least 1; `root` is where `proc` and `sys` are mounted.

    The smaller of the CPUs in its affinity mask and the tightest cgroup quota (v1 or v2), rounded down: one thread too many would be
    throttled together with all the others.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [float(cpus)]
    for folder in _cgroups(root):
        quotas += [*_quota(folder / "cpu.max"), *_quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")]
    return max(1, int(min(quotas)))


def thread_count(threads: int | None) -> int:
    """So many threads, or as many as there are CPUs for None.

    Raises:
        ModelError: They are fewer than one.
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
            # In a container the path may be the host's and absent here; the mount's own root is then the container's group.
            yield from (root / mount / part for part in (group, *group.parents))


def _quota(*files: Path) -> Iterator[float]:
    """CPUs that `quota period` allow, in one file (v2) or in two (v1); nothing where there is no limit."""
    words = " ".join(map(_read, files)).split()
    if len(words) == 2 and words[0] not in ("max", "-1"):
        yield int(words[0]) / int(words[1])


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
