"""`dreamkeras benchmark`: trains a grid of models and ranks them on a leaderboard."""

import os
from pathlib import Path

import click

from dreamkeras.training.names import BACKENDS

from ..options.numbers import WholeRange
from ..process import hint_at_stop

__all__ = ["command"]


@click.command("benchmark", epilog="\b\nExample:\n  dreamkeras benchmark promoters.tsv --grid grid.toml -o runs/grid")
@click.argument("data", type=click.Path())
@click.option("--assay", default="yeast", show_default=True, help="Assay of DATA. Accepts the values of `dreamkeras train --assay`.")
@click.option(
    "--grid",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML file with the models, strategies, seeds, options and budget of the grid.  [default: the small networks, 2 seeds]",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the runs and the leaderboard.")
@click.option(
    "--parallel",
    type=WholeRange(min=1),
    metavar="N",
    help="Number of runs to train at the same time.  "
    "[default: the number in the grid file; otherwise one run per CPU and 2 GiB of memory, or a single run with a GPU]",
)
@click.option(
    "--backend", type=click.Choice(BACKENDS), help="Keras backend.  [default: the backend in KERAS_BACKEND, or the first that is installed]"
)
def command(data: str, assay: str, grid: Path | None, out: Path, parallel: int | None, backend: str | None) -> None:
    """Train every combination in a grid on DATA, and rank the combinations on a leaderboard.

    Every run validates on the same sequences and has its own folder in DIR/runs. The leaderboard is written to DIR as
    leaderboard.tsv, .md and .png. To resume an interrupted benchmark, repeat the command: finished runs are kept, and failed runs are
    tried again.
    """
    from dreamkeras.errors import DreamkerasError, none_of
    from dreamkeras.files.decompression import open_source
    from dreamkeras.files.inputs import require_file
    from dreamkeras.files.kinds import BED, MEASUREMENTS
    from dreamkeras.models.names import known_model
    from dreamkeras.training.backend import find_backend
    from dreamkeras.training.grid.plan import read_grid
    from dreamkeras.training.grid.results import write_comparison
    from dreamkeras.training.grid.runs import run_grid
    from dreamkeras.training.members.processes import default_parallel

    require_file(data, "every run of the grid reads this file")
    # A missing or malformed file is reported once, not as a failure of every run.
    with open_source(data, expected=BED if assay == "atac" else MEASUREMENTS):
        pass
    runs, wanted = read_grid(grid, data=os.path.realpath(data), assay=assay, backend=find_backend(backend))
    for asked in runs:
        known_model(asked.config.model)
        if asked.config.valid:
            require_file(asked.config.valid, "every run of the grid reads this file")
    with hint_at_stop(lambda: "Repeat the command to resume."):
        failures = run_grid(runs, out, parallel or wanted or default_parallel(), lambda line: click.echo(line, err=True))
    if len(failures) == len(runs):
        raise DreamkerasError(f"{none_of(len(runs), 'run')} succeeded. See {out / 'logs'}.")
    best = write_comparison(runs, out, failures)[0]
    failed = f"; {len(failures)} of {len(runs)} runs failed, see {out / 'logs'}" if failures else ""
    r = (
        f"{best.r:.3f}" if best.r == best.r else f"undefined, relative error {best.error:.4g}"
    )  # NaN is the only value that differs from itself
    click.echo(f"{out / 'leaderboard.md'}: the best combination is {best.combination} (validation r {r}){failed}", err=True)
