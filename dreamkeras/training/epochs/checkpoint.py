"""How far a training run has come, in two files, each replaced as a whole at each epoch's end: the checkpoint and `history.csv`."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.files.outputs import naming_output, open_output, write_text
from dreamkeras.training.epochs.selection import Epoch, is_better, without_improvement

__all__ = ["TrainingState", "assign_weights", "read_checkpoint", "write_checkpoint", "write_history"]


@dataclass
class TrainingState:
    """What a run knows beside its weights.

    Args:
        rows: The history, one dictionary an epoch.
        best_epoch: The best epoch, from 1, as `training.epochs.selection` ranks them; 0 before the first.
        best_weights: The model's variables at that epoch.
        seconds: Time spent in training so far.
    """

    rows: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0

    def record(self, row: Epoch, model: keras.Model) -> None:
        """Adds an epoch's row, and keeps the weights if it is the best so far."""
        self.rows.append(row)
        if not self.best_epoch or is_better(row, self.rows[self.best_epoch - 1]):
            self.best_epoch = len(self.rows)
            self.best_weights = _values(model.variables)

    def has_ended(self, patience: int | None, minutes: float | None = None) -> bool:
        """Whether `patience` epochs have brought nothing better, or `minutes` are over; None sets no such end."""
        converged = patience is not None and without_improvement(self.rows, self.best_epoch) >= patience
        return converged or (minutes is not None and self.seconds >= 60 * minutes)


def write_checkpoint(path: Path, model: keras.Model, state: TrainingState) -> None:
    """Writes the state, the weights and the optimiser's variables; the old checkpoint stays until the new one is whole.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    groups = {"model": _values(model.variables), "optimizer": _values(model.optimizer.variables), "best": state.best_weights}
    arrays = {f"{group}.{i}": value for group, values in groups.items() for i, value in enumerate(values)}
    summary = {"rows": state.rows, "best_epoch": state.best_epoch, "seconds": state.seconds}
    with naming_output(str(path)):
        path.parent.mkdir(exist_ok=True)
    with open_output(str(path)) as file, naming_output(str(path)):
        np.savez(file, allow_pickle=False, summary=np.array(json.dumps(summary)), **arrays)


def read_checkpoint(path: Path, model: keras.Model) -> TrainingState:
    """The state in a checkpoint, its weights and optimiser put into the compiled model.

    Raises:
        ModelError: The file is no checkpoint of this model.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:  # np.load leaves open what is truncated
            groups = {group: _group(arrays, group) for group in ("model", "optimizer", "best")}
            summary = json.loads(str(arrays["summary"]))
        state = TrainingState(best_weights=groups["best"], **summary)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"Expected a checkpoint of a training run, got {path} ({error}).") from None
    model.optimizer.build(model.trainable_variables)
    assign_weights(model.variables, groups["model"], path)
    assign_weights(model.optimizer.variables, groups["optimizer"], path)
    return state


def assign_weights(variables: list[keras.Variable], values: list[np.ndarray], source: Path | str) -> None:
    """Puts arrays into variables, one each.

    Raises:
        ModelError: Their number or a shape differs.
    """
    came, wanted = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if came != wanted:
        raise ModelError(f"Expected {len(wanted)} variables of this model, got {len(came)} of other shapes in {source}.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def write_history(path: Path, rows: Sequence[Epoch]) -> None:
    """Writes the table; it appears whole or not at all.

    Args:
        path: The file.
        rows: At least one. The keys of the last are the columns; a cell is empty where an earlier row, of an older version, has none.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _group(arrays: Any, group: str) -> list[np.ndarray]:
    return [arrays[f"{group}.{i}"] for i in range(sum(name.startswith(f"{group}.") for name in arrays.files))]
