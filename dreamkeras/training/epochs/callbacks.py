"""What happens at the end of an epoch: validation as the exported model answers, the history, the end of the run, the checkpoint."""

import time
from pathlib import Path

import keras
import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.errors import ModelError
from dreamkeras.files.folders import require_held
from dreamkeras.statistics.correlation import FIGURES, task_figures
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training.epochs.checkpoint import TrainingState, write_checkpoint, write_history
from dreamkeras.training.epochs.profiles import epoch_figures
from dreamkeras.training.epochs.selection import RELATIVE_ERROR, relative_error

__all__ = ["AveragedWeights", "Checkpoint", "EpochSeed", "History", "LastStep", "Recorder", "Validation", "predict_letters"]


class EpochSeed(keras.callbacks.Callback):
    """Seeds the backend's own generator for each epoch: torch draws dropout from it, and no checkpoint holds its state.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        """Seeds it by the run's seed and the epoch, before the first batch: `fit`'s own start draws from torch's generator, too."""
        if batch == 0:
            keras.utils.set_random_seed(int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0]))


class LastStep(keras.callbacks.Callback):
    """Ends the run after so many steps, be it in the middle of an epoch, which is validated and recorded as any other.

    Args:
        steps: Steps of the whole run.
        epoch_steps: Steps of a whole epoch.
    """

    def __init__(self, steps: int, epoch_steps: int) -> None:
        super().__init__()
        self.steps, self.epoch_steps = steps, epoch_steps

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Ends the epoch with the last step."""
        if self.epoch * self.epoch_steps + batch + 1 >= self.steps:
            self.model.stop_training = True


class AveragedWeights(keras.callbacks.Callback):
    """Exchanges the weights with the optimiser's moving averages of them; the second time, back again.

    Stands twice among the callbacks: those between see the averages. Keras's own `SwapEMAWeights` exchanges by sums, which costs
    digits, and stays exchanged to the next epoch, which a checkpoint would keep.
    """

    def on_epoch_end(self, epoch, logs=None):
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        averages = optimizer._model_variables_moving_average  # noqa: SLF001 - nothing public gives them
        for variable, average in zip(self.model.trainable_variables, averages, strict=True):
            kept = np.array(keras.ops.convert_to_numpy(variable))
            variable.assign(keras.ops.convert_to_numpy(average))
            average.assign(kept)


class Validation(keras.callbacks.Callback):
    """Adds `val_mse`, `val_r`, `val_rho` and `val_relative_mse` to the epoch's logs, from what the exported model would answer.

    Each is the mean over the tasks for which it exists; of several, those of each follow as `val_r_TASK`. Of a network with a
    profile, the figures of `training.epochs.profiles` follow, the loss among them, by which the best epoch is chosen.

    Args:
        predictor: Letters to expression, as `PrixFixe.predictor` makes it.
        examples: What to validate on.
        batch_size: Windows predicted at once.
        tasks: Names of the tasks.
        variances: float (tasks,), of the training values, as `selection.target_variances` gives them.
    """

    def __init__(self, predictor: keras.Model, examples: Examples, batch_size: int, tasks: tuple[str, ...], variances: np.ndarray) -> None:
        super().__init__()
        self.predictor, self.examples, self.batch_size, self.tasks = predictor, examples, batch_size, tasks
        self.variances = variances

    def on_epoch_end(self, epoch, logs):
        """Predicts and compares."""
        predicted = predict_letters(self.predictor, self.examples.letters, self.batch_size)
        figures = task_figures(self.examples.targets, predicted[:, : len(self.tasks)])
        logs |= {f"val_{name}": mean_defined(figures[name]) for name in FIGURES}
        logs[RELATIVE_ERROR] = relative_error(figures["mse"], self.variances)
        if len(self.tasks) > 1:
            logs |= {f"val_{name}_{task}": float(figures[name][i]) for name in FIGURES for i, task in enumerate(self.tasks)}
        if self.examples.profiles is not None:
            logs |= {f"val_{name}": value for name, value in epoch_figures(self.model, self.examples, predicted).items()}


class Recorder(keras.callbacks.Callback):
    """Keeps the history and the best weights, and stops a run that no longer improves.

    Args:
        state: Where both are kept.
        patience: Epochs without improvement after which training ends, as `training.epochs.selection` counts them; None: it never does.
        minutes: Time after which training ends with the epoch it is in; None never ends it early.

    Raises:
        ModelError: The loss is not a number.
    """

    def __init__(self, state: TrainingState, patience: int | None, minutes: float | None = None) -> None:
        super().__init__()
        self.state, self.patience, self.minutes = state, patience, minutes

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs):
        if not np.isfinite(logs["loss"]):
            raise ModelError(f"Expected a finite loss, got {logs['loss']} in epoch {epoch + 1}: try a lower learning rate.")
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        figures = {name: float(value) for name, value in logs.items()}
        self.state.record({"epoch": epoch + 1, **figures, "learning_rate": rate}, self.model)
        self.state.seconds += time.perf_counter() - self.began
        self.model.stop_training = self.state.has_ended(self.patience, self.minutes)


class Checkpoint(keras.callbacks.Callback):
    """Writes the checkpoint after each epoch.

    Args:
        path: The checkpoint's file.
        state: The run's state, which `Recorder` keeps.

    Raises:
        DreamkerasError: Its folder was removed or replaced meanwhile.
    """

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__()
        self.path, self.state = path, state

    def on_epoch_end(self, epoch, logs=None):
        require_held(self.path.parent)
        write_checkpoint(self.path, self.model, self.state)


class History(keras.callbacks.Callback):
    """Writes the history after each epoch, so that a run can be watched and what a killed one leaves can be read.

    Args:
        path: The table.
        state: The run's state, which `Recorder` keeps.
    """

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__()
        self.path, self.state = path, state

    def on_epoch_end(self, epoch, logs=None):
        write_history(self.path, self.state.rows)


def predict_letters(predictor: keras.Model, letters: np.ndarray, batch_size: int) -> np.ndarray:
    """Predictions of a Keras predictor, in batches of one size, so that it is compiled once.

    Args:
        predictor: Letters to expression.
        letters: uint8 (n, length).
        batch_size: Windows predicted at once.

    Returns:
        float32 (n, tasks).
    """
    missing = -len(letters) % batch_size
    padded = np.concatenate([letters, np.repeat(letters[-1:], missing, axis=0)])
    return predictor.predict(padded, batch_size=batch_size, verbose=0)[: len(letters)]
