"""Describes the machine and the commit of a benchmark. Each benchmark prints this description first."""

import os
import platform
import subprocess
from pathlib import Path

__all__ = ["provenance"]


def provenance() -> str:
    """Returns two lines: the machine with its CPUs, and the commit, marked as dirty if files were changed."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"machine  {_processor()}, {cpus} CPUs{busy}, {platform.system()}, Python {platform.python_version()}\ncommit   {_commit()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
