"""`dreamkeras benchmark`: a grid of training runs in, a leaderboard out."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from dreamkeras.training.names import BACKENDS

from ..options.numbers import WholeRange

__all__ = ["command"]


@click.command("benchmark")
@click.argument("data", type=click.Path())
@click.option("--assay", default="yeast", show_default=True, help="What was measured.")
@click.option(
    "--grid",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The grid, in TOML: models, strategies, seeds, options, budget.  [default: the small networks, 2 seeds]",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where everything goes.")
@click.option("--parallel", type=WholeRange(min=1), metavar="N", help="Runs at once.  [default: the grid's, or one for every 2 CPUs]")
@click.option("--backend", type=click.Choice(BACKENDS), help="[default: KERAS_BACKEND, else the first installed]")
def command(data: str, assay: str, grid: Path | None, out: Path, parallel: int | None, backend: str | None) -> None:
    """Train every combination of a grid on DATA, and rank them on a leaderboard.

    Every run validates on the same sequences and has its own folder in DIR/runs. The same command goes on with a benchmark
    that was interrupted: runs that are done are not repeated, and failed ones are tried again.
    """
    from dreamkeras.errors import DreamkerasError
    from dreamkeras.files.decompression import open_source
    from dreamkeras.files.inputs import require_file
    from dreamkeras.models.names import known_model
    from dreamkeras.training.backend import find_backend
    from dreamkeras.training.grid.plan import read_grid
    from dreamkeras.training.grid.results import write_comparison
    from dreamkeras.training.grid.runs import default_parallel, run_grid

    require_file(data, "every run of the grid reads it")
    with open_source(data):  # rather than every run's failure
        pass
    runs, wanted = read_grid(grid, data=str(Path(data).resolve()), assay=assay, backend=find_backend(backend))
    for asked in runs:
        known_model(asked.config.model)
        if asked.config.valid:
            require_file(asked.config.valid, "every run of the grid reads it")
    with _interruption_reported():
        failures = run_grid(runs, out, parallel or wanted or default_parallel(), lambda line: click.echo(line, err=True))
    if len(failures) == len(runs):
        raise DreamkerasError(f"Expected at least one of {len(runs)} runs to succeed, got none; see {out / 'logs'}.")
    best = write_comparison(runs, out, failures)[0]
    failed = f"; {len(failures)} of {len(runs)} runs failed, see {out / 'logs'}" if failures else ""
    r = f"{best.r:.3f}" if best.r == best.r else f"undefined, relative error {best.error:.4g}"  # NaN equals nothing
    click.echo(f"{out / 'leaderboard.md'}: best is {best.combination}, validation r {r}{failed}", err=True)


@contextmanager
def _interruption_reported() -> Iterator[None]:
    """Ends by SIGTERM as by Ctrl-C: with a line."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Stopped: the same command goes on.", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
