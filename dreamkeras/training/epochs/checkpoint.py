"""After each epoch, saves the state of a training run in the checkpoint and the history in `history.csv`."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.files.outputs import naming_output, open_output, write_text
from dreamkeras.training.epochs.choice import Kept
from dreamkeras.training.epochs.selection import Epoch, is_better, without_improvement
from dreamkeras.training.epochs.trained_length import opened_checkpoint

__all__ = ["TrainingState", "assign_weights", "read_checkpoint", "weights_of", "write_checkpoint", "write_history"]


@dataclass
class TrainingState:
    """State of a run, except the current weights of the network.

    Args:
        rows: The history, one dictionary per epoch.
        best_epoch: Number of the best epoch, counted from 1, as ranked by `training.epochs.selection`. The number is 0 until the first
            epoch has ended.
        best_weights: Values of the model's variables after the best epoch.
        seconds: Duration of training, in seconds.
        steps: Number of optimiser steps that were trained.
        predicted: Predictions for the validation examples after the last epoch, float32 (n, columns). None before the first epoch of this
            process, because checkpoints do not contain predictions.
        best_predicted: Predictions for the validation examples after the best epoch. None if an earlier process trained this epoch.
        kept: Epoch whose weights are saved. None until the training has ended.
    """

    rows: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0
    predicted: np.ndarray | None = None
    best_predicted: np.ndarray | None = None
    kept: Kept | None = None

    def record(self, row: Epoch, model: keras.Model) -> None:
        """Adds an epoch to the history. Stores its weights and predictions if the epoch is better than all earlier epochs."""
        self.rows.append(row)
        if not self.best_epoch or is_better(row, self.rows[self.best_epoch - 1]):
            self.best_epoch = len(self.rows)
            self.best_weights = weights_of(model.variables)
            self.best_predicted = self.predicted

    def has_ended(self, patience: int | None, minutes: float | None = None) -> bool:
        """Whether training ends, because `patience` epochs brought no improvement or `minutes` minutes have passed.

        None disables a limit.
        """
        converged = patience is not None and without_improvement(self.rows, self.best_epoch) >= patience
        return converged or (minutes is not None and self.seconds >= 60 * minutes)


def write_checkpoint(path: Path, model: keras.Model, state: TrainingState) -> None:
    """Writes a checkpoint with the state of the run, the weights and the optimiser variables.

    The previous checkpoint is replaced when the new checkpoint is complete.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    groups = {"model": weights_of(model.variables), "optimizer": weights_of(model.optimizer.variables), "best": state.best_weights}
    arrays = {f"{group}.{i}": value for group, values in groups.items() for i, value in enumerate(values)}
    summary = {"rows": state.rows, "best_epoch": state.best_epoch, "seconds": state.seconds, "steps": state.steps}
    with naming_output(str(path)):
        path.parent.mkdir(exist_ok=True)
    with open_output(str(path)) as file, naming_output(str(path)):
        np.savez(file, allow_pickle=False, summary=np.array(json.dumps(summary)), **arrays)


def read_checkpoint(path: Path, model: keras.Model) -> TrainingState:
    """Reads a checkpoint into a compiled model and its optimiser, and returns the state of the run.

    Raises:
        ModelError: The file is not a checkpoint of this model.
    """
    with opened_checkpoint(path) as arrays:
        groups = {group: _group(arrays, group) for group in ("model", "optimizer", "best")}
        state = TrainingState(best_weights=groups["best"], **json.loads(str(arrays["summary"])))
    model.optimizer.build(model.trainable_variables)
    assign_weights(model.variables, groups["model"], path)
    assign_weights(model.optimizer.variables, groups["optimizer"], path)
    return state


def weights_of(variables: list[keras.Variable]) -> list[np.ndarray]:
    """Returns a copy of the values of variables, one array for each variable."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def assign_weights(variables: list[keras.Variable], values: list[np.ndarray], source: Path | str) -> None:
    """Assigns arrays to variables, in order.

    Args:
        variables: Variables of the model or of the optimiser.
        values: One array for each variable.
        source: File with the arrays, which is named in the error message.

    Raises:
        ModelError: The arrays differ from the variables in number or shape.
    """
    came, wanted = [value.shape for value in values], [tuple(variable.shape) for variable in variables]
    if len(came) != len(wanted):
        raise ModelError(f"Expected {len(wanted)} variables for this model in {source}, got {len(came)}.")
    if came != wanted:
        raise ModelError(f"The shapes of the variables in {source} differ from the shapes of this model's variables.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def write_history(path: Path, rows: Sequence[Epoch]) -> None:
    """Writes the history as a table, which appears only when complete.

    Args:
        path: File to write.
        rows: Rows of the history, at least one. The keys of the last row are the columns. Cells are empty in rows that lack a column,
            because an older version of dreamkeras wrote them.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _group(arrays: Any, group: str) -> list[np.ndarray]:
    return [arrays[f"{group}.{i}"] for i in range(sum(name.startswith(f"{group}.") for name in arrays.files))]
