"""Trains the smaller runs of a learning curve in a subfolder of the run folder, and resumes them.

The smaller runs have no exported model. They are trained after the run itself, before its results are written.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.files.folders import clear
from dreamkeras.files.outputs import naming_output
from dreamkeras.training.baseline import fit_baseline
from dreamkeras.training.changes import DATA_FILES, changed
from dreamkeras.training.config import RunConfig
from dreamkeras.training.learning_curve import Stage, nested_subsets, too_small
from dreamkeras.training.run_data import RunData, assay_of

__all__ = ["FOLDER", "begin", "change", "minutes_of_part", "train_smaller"]

FOLDER = "learning-curve"
"""Name of the subfolder. Its `config.json` is the configuration of the run before defaults were filled in."""

Fit = Callable[[RunConfig, RunData, Path], np.ndarray]
"""Function that trains or resumes a run in a folder, and returns its predictions for the validation examples."""


def begin(config: RunConfig, data: RunData, folder: Path) -> None:
    """Stores the configuration for the smaller runs of a new run. If the data are too small, a warning is written instead.

    The defaults of a smaller run, such as its number of epochs and its batch size, depend on its own number of sequences. Therefore, they
    must not be filled in.

    Args:
        config: Configuration of the run, with absolute paths.
        data: Data of the run.
        folder: Run folder.
    """
    if not config.learning_curve:
        return
    if reason := too_small(data.training, config.batch_size, config.seed_of_split):
        sys.stderr.write(f"Warning: {reason}\n")
        return
    place = folder / FOLDER
    with naming_output(str(place)):
        place.mkdir(exist_ok=True)
    dataclasses.replace(config, learning_curve=False).write(place / "config.json")


def change(changes: Mapping[str, Any], folder: Path) -> None:
    """Applies the changes of a resumed run to the stored configuration of its smaller runs, if there are any."""
    path = folder / FOLDER / "config.json"
    if path.exists() and (given := RunConfig.read(path)) != (now := changed(given, changes)):
        now.write(path)


def train_smaller(folder: Path, data: RunData, fit: Fit) -> list[Stage]:
    """Trains or resumes the smaller runs of a run, and returns their predictions and those of their baselines.

    Args:
        folder: Run folder. If the run has no learning curve, the result is empty.
        data: Data of the run.
        fit: Function that trains a smaller run.
    """
    stored, stages = folder / FOLDER / "config.json", []
    if not stored.exists():
        return []
    config = RunConfig.read(stored)
    assay = assay_of(config)
    for rows in nested_subsets(data.training, config.seed_of_split):
        training = data.training.select(rows)
        sys.stderr.write(f"Learning curve: training on {len(rows):,} of {len(data.training):,} training sequences.\n")
        minutes = minutes_of_part(config.minutes, len(rows), len(data.training))
        place = _folder_of(dataclasses.replace(config, minutes=minutes), folder / FOLDER / f"rows-{len(rows)}")
        part = data._replace(training=training, read=(), hold_out=None, weights="", advice="")  # printed by the run itself
        predicted = fit(RunConfig.read(place / "config.json"), part, place)
        baseline = fit_baseline(training, data.validation, assay.construct.strands == "both", assay.scales, config.seed_of_split)
        stages.append(Stage(len(rows), predicted[:, : training.targets.shape[1]], baseline.predicted))
    return stages


def minutes_of_part(minutes: float | None, rows: int, total: int) -> float | None:
    """Returns the time limit of a smaller run, which is in proportion to its number of training sequences. None without a limit."""
    return minutes and minutes * rows / total


def _folder_of(config: RunConfig, place: Path) -> Path:
    """Creates the folder of a smaller run, or keeps it if it has the same configuration. A run with another configuration is deleted."""
    stored = place / "config.json"
    if stored.exists():
        begun = RunConfig.read(stored)
        same = {name: getattr(config, name) for name in DATA_FILES}  # the files may have moved, but contain the same data
        if begun.fitted_steps is not None:
            same |= {"fitted_steps": None, "epochs": config.epochs}
        if dataclasses.replace(begun, **same) == config:
            return place
    with naming_output(str(place)):
        clear(place)
        place.mkdir(exist_ok=True)
    config.write(stored)
    return place
