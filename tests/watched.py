"""Runs a command under strace with empty home and temporary folders, and reports its network connections and the files that it leaves."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

HIDING = ("CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED", "KERAS_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")
"""Environment variables that are unset, because they could suppress connections or files that a user would see."""

OUTSIDE = re.compile(
    r"connect\(.*AF_INET6?\b(?!.*\"(127\.[\d.]+|::1|::ffff:127\.[\d.]+)\")"  # includes UDP connections to name servers
    r"|send(to|msg|mmsg)\(.*AF_INET6?\b(?!.*\"(127\.[\d.]+|::1)\")"
    r"|\"/etc/(resolv\.conf|hosts|gai\.conf)\""
)
"""Matches system calls that contact another machine or begin a name lookup."""


class Watched(NamedTuple):
    """The result of a command.

    Args:
        status: Exit status. -15 if the command was terminated.
        output: Standard output and standard error.
        contacts: System calls that contact another machine.
        left: Files and folders that the command left in its home folder and its temporary folder.
    """

    status: int
    output: str
    contacts: list[str]
    left: list[str]


DREAMKERAS = ("-c", "from dreamkeras.cli.main import main; main()")


def watch(command: Sequence[str], folder: Path, seconds: float | None = None) -> Watched:
    """Runs Python with arguments in a folder. If `seconds` is given, terminates it with SIGTERM after that time."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    home, temporary, log = folder / "home", folder / "tmp", folder / "strace.log"
    home.mkdir()
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in HIDING}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary)}
    traced = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg,openat",
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    process = subprocess.Popen(
        [*traced, sys.executable, *command],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds or 600)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    contacts = [line for line in log.read_text(errors="replace").splitlines() if OUTSIDE.search(line)]
    left = sorted(path.relative_to(folder).as_posix() for place in (home, temporary) for path in place.rglob("*"))
    return Watched(process.returncode, output, contacts, left)
