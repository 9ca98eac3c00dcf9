"""Recognises finished run folders. Does not import Keras."""

from pathlib import Path

from dreamkeras.training.changes import LENGTH, LIMITS
from dreamkeras.training.config import RunConfig

__all__ = ["RESULTS", "has_run", "is_finished"]

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
