"""Shows the progress of training on standard error: a bar on a terminal, otherwise one line per epoch."""

import math
import sys
from time import perf_counter
from typing import Any

import keras

from dreamkeras.training.epochs.checkpoint import TrainingState
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.epochs.selection import RELATIVE_ERROR

__all__ = ["Progress"]

TIMED = 5.0
"""Duration in seconds of the steps from which the expected time of a run is computed."""

FEWEST_TIMED = 20
"""Number of steps from which the expected time is computed at least."""


class Progress(keras.callbacks.Callback):
    """Callback that shows the loss, r and the remaining time.

    Args:
        epochs: Total number of epochs of the run.
        steps: Total number of steps of the run.
        state: State of the run, in which `LastStep` counts the steps.
        validated: Number of windows predicted in a validation, in batches. The expected time is printed once, when the first steps of an
            epoch have been timed. If 0, the expected time is not printed.
    """

    def __init__(self, epochs: int, steps: int, state: TrainingState, validated: int = 0) -> None:
        super().__init__()
        self.epochs, self.steps, self.state, self.validated = epochs, steps, state, validated
        self.ends: list[float] = []
        self.bar: Any = None

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the bar at the first epoch of a new or resumed run."""
        if self.bar is None and sys.stderr.isatty():
            self.bar = _bar()
            self.bar.start()
            self.task = self.bar.add_task(f"epoch {epoch + 1}", total=self.steps, completed=self.state.steps, figures="")
        self.epoch = epoch
        self.ends.clear()

    def on_train_batch_end(self, batch, logs=None):
        """Advances the bar, and prints the expected time after the first steps."""
        if self.validated:
            self._time_step()
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
        self._print(line)

    def _time_step(self) -> None:
        """Records the end of a step. Prints the expected time of the remaining run if enough steps of the epoch have been timed.

        A batch of the validation is assumed to take the time of a step.
        """
        self.ends.append(perf_counter())
        timed, seconds = len(self.ends) - 1, self.ends[-1] - self.ends[0]
        if timed >= FEWEST_TIMED and seconds >= TIMED:
            left = self.steps - self.state.steps + (self.epochs - self.epoch) * self.validated
            self._print(f"Expected time: {describe_duration(left * seconds / timed)}.")
            self.validated = 0

    def _print(self, line: str) -> None:
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
