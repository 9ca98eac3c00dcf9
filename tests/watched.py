"""A command under strace, in an empty home and an empty folder for temporary files: whom it contacts, and what it leaves there."""

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
"""Variables that would hide what a user's machine shows."""

OUTSIDE = re.compile(
    r"connect\(.*AF_INET6?\b(?!.*\"(127\.[\d.]+|::1|::ffff:127\.[\d.]+)\")"  # a datagram's connect is how a name server is asked
    r"|send(to|msg|mmsg)\(.*AF_INET6?\b(?!.*\"(127\.[\d.]+|::1)\")"
    r"|\"/etc/(resolv\.conf|hosts|gai\.conf)\""
)
"""A call that reaches another machine, or begins to look one up by its name."""


class Watched(NamedTuple):
    """What came of a command.

    Args:
        status: Its exit status; -15 where it was ended.
        output: Its standard output and error.
        contacts: The system calls that reach for another machine.
        left: Files and folders that are in its home or among its temporary files now.
    """

    status: int
    output: str
    contacts: list[str]
    left: list[str]


DREAMKERAS = ("-c", "from dreamkeras.cli.main import main; main()")


def watch(command: Sequence[str], folder: Path, seconds: float | None = None) -> Watched:
    """Runs Python with arguments in a folder; ends it by SIGTERM after so many seconds, if any are given."""
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
