"""Progress on standard error, only where that is a terminal; rich is imported only then."""

import contextlib
import sys
from collections.abc import Callable, Iterator

__all__ = ["show_records"]


@contextlib.contextmanager
def show_records() -> Iterator[Callable[[int], None] | None]:
    """A bar with records and records a second.

    Returns:
        What to call with the number of records done since the last call; None where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.completed:,} records"), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("records", total=None, rate="")

        def advance(records: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=records, rate=f"{speed:,.0f} records/s" if speed else "")

        yield advance
