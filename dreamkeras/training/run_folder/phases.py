"""Shows on a terminal what a run does after its last epoch."""

import contextlib
import sys
from collections.abc import Callable, Iterator

__all__ = ["show_phases"]


@contextlib.contextmanager
def show_phases(number: int) -> Iterator[Callable[[str], None]]:
    """Shows a progress bar with the name of the current phase and the elapsed time, if standard error is a terminal.

    Args:
        number: Number of phases.

    Yields:
        A function that starts a phase with the given name.
    """
    if not sys.stderr.isatty():
        yield lambda _name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        started = -1
        task = progress.add_task("", total=number)

        def start(name: str) -> None:
            nonlocal started
            started += 1
            progress.update(task, description=name, completed=started, refresh=True)

        yield start
