"""Signals, standard streams and limits of the process that runs a command. Importing this module imports no large package."""

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click

from dreamkeras.environment import SIGNALS, TOO_FEW, can_start_threads

__all__ = [
    "Stopped",
    "describe",
    "discard_unwritten",
    "fill_closed_streams",
    "hint_at_stop",
    "start_fewer_threads",
    "stopped_by_signals",
]

REPEATS = 5.0
"""Seconds after a signal in which further signals are ignored.

A closing terminal sends several signals, and the command needs time to remove its files.
"""


AGAIN = 0.1
"""Seconds after which a signal is sent again, if its exception was ignored."""

NO_THREAD = "can't start new thread"
"""Message of Python's RuntimeError if the system allows no more threads."""


class Stopped(SystemExit):
    """Exception that a signal raises in a command, so that its `with` blocks remove temporary files.

    The exit code is 128 plus the number of the signal, as in shells.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[Callable[[], Stopped | None]]:
    """Raises `Stopped` in the main thread when a signal of `SIGNALS` arrives. Ignored signals, as under nohup, remain ignored.

    Python ignores an exception that is raised while it deletes an object or runs a callback of the garbage collector. The signal is then
    sent again.

    Yields:
        A function that returns the exception, or None if no signal has arrived. A library may replace `Stopped` by a different exception,
        so the exception that ends the `with` block does not show whether a signal has arrived.
    """
    stopped: Stopped | None = None
    stopped_at = -REPEATS

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopped, stopped_at
        if time.monotonic() - stopped_at >= REPEATS:
            stopped, stopped_at = Stopped(number), time.monotonic()
            raise stopped

    def send_again(ignored: "sys.UnraisableHookArgs") -> None:
        nonlocal stopped_at
        if isinstance(ignored.exc_value, Stopped):
            stopped_at = -REPEATS
            again = threading.Timer(AGAIN, os.kill, (os.getpid(), ignored.exc_value.number))
            again.daemon = True
            again.start()
        else:
            report(ignored)

    report, sys.unraisablehook = sys.unraisablehook, send_again
    taken = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    with suppress(ValueError):  # raised outside the main thread, because only the main thread can set signal handlers
        for number in taken:
            signal.signal(number, stop)
    try:
        yield lambda: stopped
    finally:
        sys.unraisablehook = report
        for number in taken:
            with suppress(ValueError):
                signal.signal(number, signal.SIG_DFL)


@contextmanager
def hint_at_stop(hint: Callable[[], str]) -> Iterator[None]:
    """Prints a hint on how to continue if Ctrl-C or a signal ends the `with` block. Nothing is printed if the hint is empty."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        with suppress(OSError):  # the terminal may be closed
            if text := hint():
                click.echo(text, err=True)
        raise


def fill_closed_streams() -> None:
    """Replaces closed standard streams by the null device, so that no file that is opened later gets the descriptor 0, 1 or 2.

    Libraries would write messages into such a file. Standard input is opened for writing and standard output for reading, so that their
    use is still an error. `sys.stdin` remains None.
    """
    for descriptor, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # opened as `descriptor`, the lowest free number
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # open until the process ends


def start_fewer_threads() -> None:
    """Keeps OpenBLAS, which NumPy loads, from starting threads if the system does not allow one for each CPU (`ulimit -u`).

    OpenBLAS sends SIGINT to its own process if it cannot start a thread, which looks like Ctrl-C.
    """
    if not can_start_threads(os.cpu_count() or 1):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def describe(error: Exception) -> str | None:
    """Returns a message for an error that the system or its settings cause, or None for other errors, which are bugs."""
    if isinstance(error, BlockingIOError) and error.strerror == os.strerror(errno.EAGAIN):
        return f"Cannot start a process: {TOO_FEW}"
    if isinstance(error, OSError) and error.errno is not None:
        return ": ".join(str(part) for part in (error.strerror, error.filename) if part)
    if isinstance(error, UnicodeEncodeError) and error.encoding != "utf-8":
        text = ascii(error.object[error.start : error.end])
        return f"Cannot write {text} in {error.encoding}, the encoding of this locale. Set PYTHONUTF8=1."
    if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        return f"Cannot start a thread: {TOO_FEW}"
    return None


def discard_unwritten() -> None:
    """Discards text that could not be written to standard output or standard error, so that Python does not report the error again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                descriptor = os.open(os.devnull, os.O_WRONLY)
                os.dup2(descriptor, stream.fileno())
                os.close(descriptor)


class _ClosedOutput(io.TextIOBase):
    """Replacement for a closed standard output. Writing text to it is an error of the command instead of a silent loss."""

    @property
    def buffer(self) -> io.BufferedIOBase:
        raise click.ClickException("Standard output is closed. Name an output file.")

    def write(self, text: str) -> int:
        if text:
            raise click.ClickException("Cannot print the results: standard output is closed.")
        return 0
