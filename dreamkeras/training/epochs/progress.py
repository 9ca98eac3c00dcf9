"""Shows the progress of training on standard error: a bar on a terminal, otherwise one line per epoch."""

import math
import sys
from typing import Any

import keras

from dreamkeras.training.epochs.checkpoint import TrainingState
from dreamkeras.training.epochs.selection import RELATIVE_ERROR

__all__ = ["Progress"]


class Progress(keras.callbacks.Callback):
    """Callback that shows the loss, r and the remaining time.

    Args:
        epochs: Total number of epochs of the run.
        steps: Total number of steps of the run.
        state: State of the run, in which `LastStep` counts the steps.
    """

    def __init__(self, epochs: int, steps: int, state: TrainingState) -> None:
        super().__init__()
        self.epochs, self.steps, self.state = epochs, steps, state
        self.bar: Any = None

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the bar at the first epoch of a new or resumed run."""
        if self.bar is None and sys.stderr.isatty():
            self.bar = _bar()
            self.bar.start()
            self.task = self.bar.add_task(f"epoch {epoch + 1}", total=self.steps, completed=self.state.steps, figures="")
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Advances the bar."""
        if self.bar is not None:
            figures = f"loss {float(logs['loss']):.4f}  r {float(logs['r']):.3f}"
            self.bar.update(self.task, completed=self.state.steps, description=f"epoch {self.epoch + 1}", figures=figures)

    def on_epoch_end(self, epoch, logs=None):
        """Prints the line of the epoch."""
        line = f"epoch {epoch + 1}/{self.epochs}  loss {logs['loss']:.4f}  r {logs['r']:.3f}  validation r {_validation_r(logs)}"
        if "val_fit" in logs:
            line += f"  validation fit {'undefined' if math.isnan(logs['val_fit']) else format(logs['val_fit'], '.3f')}"
        if "val_profile_jsd" in logs:
            line += f"  profile distance {logs['val_profile_jsd']:.3f}"
        if self.bar is None:
            sys.stderr.write(line + "\n")
        else:
            self.bar.console.print(line, highlight=False)

    def on_train_end(self, logs=None):
        """Stops the bar."""
        self.close()

    def close(self) -> None:
        """Stops the bar and restores the terminal, also after an error."""
        if self.bar is not None:
            self.bar.stop()


def _validation_r(logs: Any) -> str:
    """Formats the validation r or, if r is undefined, the relative error by which epochs are ranked."""
    r, error = logs["val_r"], logs.get(RELATIVE_ERROR, math.nan)
    if not math.isnan(r):
        return f"{r:.3f}"
    return "undefined" if math.isnan(error) else f"undefined (relative error {error:.4g})"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
