"""Reads the results of the runs of a grid and writes the leaderboard. Does not import Keras."""

import csv
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.plots.style import draw_plots
from dreamkeras.training.grid.leaderboard import LeaderboardRow, Result, rank, write_leaderboard
from dreamkeras.training.grid.leaderboard_plot import plot_leaderboard
from dreamkeras.training.grid.plan import GridRun
from dreamkeras.training.members.finished import is_finished

__all__ = ["read_result", "write_comparison"]


def read_result(run: GridRun, folder: Path) -> Result:
    """Reads the result of a finished run.

    Args:
        run: Run of the grid.
        folder: Run folder.

    Raises:
        InputError: A file in the run folder is malformed.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        batch_size = json.loads((folder / "config.json").read_text("utf-8"))["batch_size"]
        measured, predicted = _read_validation(folder / "validation.tsv")
        return Result(
            combination=run.combination,
            r=_number(metrics["r"]),
            parameters=metrics["parameters"],
            seconds=metrics["seconds"],
            speed=metrics["steps"] * batch_size / max(metrics["seconds"], 0.1),
            measured=measured,
            predicted=predicted,
            error=_number(metrics.get("relative_mse")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"Cannot read the results of the run in {folder}: {error}.") from None


def write_comparison(runs: Sequence[GridRun], folder: Path, failures: Mapping[str, str]) -> list[LeaderboardRow]:
    """Writes `leaderboard.tsv`, `leaderboard.md` and `leaderboard.png` with all finished runs.

    Args:
        runs: Runs of the grid.
        folder: Folder of the grid, which holds the run folders in `runs`.
        failures: Names of the failed runs, and the reason for each failure.

    Returns:
        Rows of the leaderboard.

    Raises:
        InputError: No run is finished, or two runs were validated on different sequences.
        DreamkerasError: A file cannot be written.
    """
    results = [read_result(run, folder / "runs" / run.name) for run in runs if is_finished(folder / "runs" / run.name)]
    rows = rank(results)
    write_leaderboard(rows, len(results[0].measured), failures, folder)
    plot = folder / "leaderboard.png"
    draw_plots({plot: partial(plot_leaderboard, rows, plot)})
    return rows


def _number(figure: float | None) -> float:
    """Converts a metric from JSON, in which NaN is null, to a float.

    A missing metric, as in runs of older versions, is also converted to NaN.
    """
    return float("nan") if figure is None else float(figure)


def _read_validation(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads the measured and the predicted values from a validation table, each float64 (n, tasks)."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        header = next(rows, [])
        columns = [[header.index(name) for name in header if name.startswith(kind)] for kind in ("measured_", "predicted_")]
        table = list(rows)
    if not all(columns) or not table:
        raise ValueError(f"no measured and predicted values in {path.name}")
    measured, predicted = (np.array([[float(row[column]) for column in kind] for row in table]) for kind in columns)
    return measured, predicted
