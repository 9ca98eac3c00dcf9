"""What the runs of a grid left in their folders, and the leaderboard made of it. Imports no Keras."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.training.grid.leaderboard import LeaderboardRow, Result, rank, write_leaderboard
from dreamkeras.training.grid.leaderboard_plot import plot_leaderboard
from dreamkeras.training.grid.plan import GridRun

__all__ = ["is_finished", "read_result", "write_comparison"]

RESULTS = ("metrics.json", "validation.tsv", "model.onnx", "README.md")
"""What a run writes at its end, each file whole or not at all."""


def is_finished(folder: Path) -> bool:
    """Whether a run has come to its end and has written all that it leaves."""
    return all((folder / name).is_file() for name in RESULTS)


def read_result(run: GridRun, folder: Path) -> Result:
    """What came of a finished run.

    Args:
        run: The run.
        folder: Its run folder.

    Raises:
        InputError: A file in it is not what a run writes.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_text())
        batch_size = json.loads((folder / "config.json").read_text())["batch_size"]
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
        raise InputError(f"Expected the results of a run in {folder}, got files that are none ({error}).") from None


def write_comparison(runs: Sequence[GridRun], folder: Path, failures: Mapping[str, str]) -> list[LeaderboardRow]:
    """Writes `leaderboard.tsv`, `leaderboard.md` and `leaderboard.png` over the runs that are finished.

    Args:
        runs: The runs of the grid.
        folder: The grid's folder, which holds them in `runs`.
        failures: Why others failed, by name.

    Returns:
        The leaderboard.

    Raises:
        InputError: No run is finished, or they were validated on different sequences.
        DreamkerasError: A file cannot be written.
    """
    results = [read_result(run, folder / "runs" / run.name) for run in runs if is_finished(folder / "runs" / run.name)]
    rows = rank(results)
    write_leaderboard(rows, len(results[0].measured), failures, folder)
    plot_leaderboard(rows, folder / "leaderboard.png")
    return rows


def _number(figure: float | None) -> float:
    """JSON has no NaN, and runs of older versions no relative error."""
    return float("nan") if figure is None else float(figure)


def _read_validation(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """float64 (n, tasks): what was measured, and what was predicted."""
    with path.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        header = next(rows, [])
        columns = [[header.index(name) for name in header if name.startswith(kind)] for kind in ("measured_", "predicted_")]
        table = list(rows)
    if not all(columns) or not table:
        raise ValueError(f"no measured and predicted values in {path.name}")
    measured, predicted = (np.array([[float(row[column]) for column in kind] for row in table]) for kind in columns)
    return measured, predicted
