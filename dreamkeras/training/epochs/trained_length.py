"""Reads how far a run has been trained from its checkpoint. Does not import Keras."""

import contextlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.training.config import RunConfig

__all__ = ["CHECKPOINT", "opened_checkpoint", "read_progress", "require_length", "require_length_of_runs"]

CHECKPOINT = Path("checkpoint") / "state.npz"
"""Path of the checkpoint in a run folder."""


@contextlib.contextmanager
def opened_checkpoint(path: Path) -> Iterator[Any]:
    """Opens the arrays of a checkpoint, and turns errors in the `with` block into errors that name the file.

    Raises:
        ModelError: The file is not a checkpoint.
    """
    try:
        # The file is opened separately, because np.load would not close a truncated file.
        with path.open("rb") as file, np.load(file) as arrays:
            yield arrays
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"Cannot read {path} as a checkpoint of a training run: {error}.") from None


def read_progress(path: Path) -> tuple[int, int | None]:
    """Returns the number of epochs and the number of steps in a checkpoint. In checkpoints of older versions, the latter is None.

    Raises:
        ModelError: The file is not a checkpoint.
    """
    with opened_checkpoint(path) as arrays:
        summary = json.loads(str(arrays["summary"]))
        return len(summary["rows"]), summary.get("steps")


def require_length(config: RunConfig, epochs: int, steps: int | None) -> None:
    """Raises an error if a run has been trained for more epochs or steps than configured.

    Raises:
        InputError: The run has been trained for more epochs or steps.
    """
    for name, wanted, trained in (("epochs", config.epochs, epochs), ("steps", config.steps, steps)):
        if wanted is not None and trained is not None and wanted < trained:
            raise InputError(f"Expected {name} of at least {trained}, for which the run has already been trained, got {wanted}.")


def require_length_of_runs(config: RunConfig, folders: Iterable[Path]) -> None:
    """Raises the error of `require_length` if one of several runs has been trained for longer. Runs without a checkpoint are ignored."""
    for folder in folders:
        if (folder / CHECKPOINT).exists():
            require_length(config, *read_progress(folder / CHECKPOINT))
