"""Recognises finished run folders, and stores paths of moved data and time limits in run folders. Does not import Keras."""

import dataclasses
from pathlib import Path

from dreamkeras.training.changes import DATA_FILES, LENGTH, LIMITS
from dreamkeras.training.config import RunConfig

__all__ = ["RESULTS", "has_run", "is_finished", "store_limit", "store_paths"]

RESULTS = ("metrics.json", "validation.tsv", "model.onnx", "README.md")
"""Files that a run writes when it finishes. Each file appears only when complete."""


def is_finished(folder: Path) -> bool:
    """Whether a run has finished and written all of its results."""
    return all((folder / name).is_file() for name in RESULTS)


def has_run(config: RunConfig, folder: Path) -> bool:
    """Whether the run in a folder is finished and has the length and limits of a configuration. Fields that are None are not compared."""
    if not is_finished(folder):
        return False
    begun = RunConfig.read(folder / "config.json")
    return all(getattr(config, name) in (None, getattr(begun, name)) for name in (*LENGTH, *LIMITS))


def store_paths(config: RunConfig, folder: Path) -> None:
    """Stores the paths of a configuration's data in the folder of a finished run, because the data may have moved."""
    begun = RunConfig.read(folder / "config.json")
    moved = dataclasses.replace(begun, **{name: getattr(config, name) for name in DATA_FILES})
    if moved != begun:
        moved.write(folder / "config.json")


def store_limit(minutes: float | None, folder: Path) -> None:
    """Stores another time limit in the folder of a run. The run is then no longer finished."""
    (folder / "metrics.json").unlink(missing_ok=True)  # without metrics.json, the run is not finished
    dataclasses.replace(RunConfig.read(folder / "config.json"), minutes=minutes).write(folder / "config.json")
