"""Progress bars on standard error. The bars appear, and rich is imported, only if standard error is a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

__all__ = ["show_bytes", "show_records"]


@contextlib.contextmanager
def show_records(noun: str = "records") -> Iterator[Callable[[int], None] | None]:
    """Shows a progress bar with the number of records and their rate. `noun` replaces the word "records".

    Yields:
        A function that advances the bar by a number of records, or None if standard error is not a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn(f"{{task.completed:,}} {noun}"), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(noun, total=None, rate="")

        def advance(records: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=records, rate=f"{speed:,.0f} {noun}/s" if speed else "")

        yield advance


@contextlib.contextmanager
def show_bytes() -> Iterator[Callable[[str, int, int], None] | None]:
    """Shows a progress bar for each downloaded file.

    Yields:
        A function that takes the name of a file, the number of bytes received, and the total number of bytes of the file. If standard error
        is not a terminal, yields None.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {}

        def watch(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total, completed=done)
            progress.update(tasks[name], completed=done)

        yield watch
