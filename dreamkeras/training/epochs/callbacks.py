"""Keras callbacks for seeding, validation, history, early stopping and checkpoints."""

from pathlib import Path
from time import perf_counter

import keras
import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.errors import ModelError
from dreamkeras.files.folders import require_held
from dreamkeras.sequence.task_scale import TaskScale, by_task
from dreamkeras.statistics.correlation import FIGURES, task_figures
from dreamkeras.statistics.task_kinds import explained_deviances
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training.epochs.checkpoint import TrainingState, write_checkpoint, write_history
from dreamkeras.training.epochs.profiles import epoch_figures
from dreamkeras.training.epochs.selection import RELATIVE_ERROR, relative_error

__all__ = ["AveragedWeights", "Checkpoint", "EpochSeed", "History", "LastStep", "Recorder", "Validation", "predict_letters"]


class EpochSeed(keras.callbacks.Callback):
    """Callback that seeds the random generator of the backend for each epoch.

    With the torch backend, dropout masks come from torch's global random generator, whose state is not stored in checkpoints.

    Args:
        seed: Random seed of the run.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        """Seeds the random generator before the first batch of an epoch.

        The seed depends on the seed of the run and on the epoch. Seeding earlier would not suffice, because `fit` draws random numbers when
        it starts.
        """
        if batch == 0:
            keras.utils.set_random_seed(int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0]))


class LastStep(keras.callbacks.Callback):
    """Callback that ends the run after a number of steps, possibly within an epoch.

    The last epoch is validated and recorded, even if it is incomplete.

    Args:
        steps: Total number of steps of the run.
        state: State of the run, in which the steps are counted.
    """

    def __init__(self, steps: int, state: TrainingState) -> None:
        super().__init__()
        self.steps, self.state = steps, state

    def on_train_batch_end(self, batch, logs=None):
        """Counts the step, and stops the training after the last step."""
        self.state.steps += 1
        if self.state.steps >= self.steps:
            self.model.stop_training = True


class AveragedWeights(keras.callbacks.Callback):
    """Callback that exchanges the weights of the network with their moving averages in the optimiser.

    A run has this callback twice in its list of callbacks. Callbacks between the two use the averages. The second one exchanges the values
    again, which restores the weights. The callback `SwapEMAWeights` of Keras is not used, because its additions and subtractions cause
    rounding errors. `SwapEMAWeights` also restores the weights too late, in the next epoch, so that a checkpoint would store the averages.
    """

    def on_epoch_end(self, epoch, logs=None):
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        averages = optimizer._model_variables_moving_average  # noqa: SLF001 - there is no public access to the averages
        for variable, average in zip(self.model.trainable_variables, averages, strict=True):
            kept = np.array(keras.ops.convert_to_numpy(variable))
            variable.assign(keras.ops.convert_to_numpy(average))
            average.assign(kept)


class Validation(keras.callbacks.Callback):
    """Callback that predicts the validation examples and adds `val_mse`, `val_r`, `val_rho` and `val_relative_mse` to the logs.

    Each metric is the mean over the tasks for which it is defined. With several tasks, the metrics of each task are also added, for example
    as `val_r_TASK`. For a network that predicts a profile, the metrics of `training.epochs.profiles` are also added. One of them is the
    loss, by which the best epoch is selected.

    For tasks with a transformation, the metrics are computed from transformed values. If a task has another kind than `"value"`, the column
    `val_fit` is added, by which the best epoch is selected: the mean over tasks of r for values, and of the explained deviance for binary
    tasks and counts. With several tasks, `val_fit_TASK` is added for each task.

    Args:
        predictor: Model that predicts expression from letters, as returned by `PrixFixe.predictor`.
        examples: Validation examples.
        batch_size: Number of windows predicted at a time.
        tasks: Names of the tasks.
        variances: Variances of the training values, float (tasks,), as returned by `selection.target_variances`.
        state: State of the run, which stores the predictions.
        scales: Kind and transformation of each task. Empty if no task has a transformation or another kind than `"value"`.
    """

    def __init__(
        self,
        predictor: keras.Model,
        examples: Examples,
        batch_size: int,
        tasks: tuple[str, ...],
        variances: np.ndarray,
        state: TrainingState,
        scales: tuple[TaskScale, ...] = (),
    ) -> None:
        super().__init__()
        self.predictor, self.examples, self.batch_size, self.tasks = predictor, examples, batch_size, tasks
        self.variances, self.state, self.scales = variances, state, scales

    def on_epoch_end(self, epoch, logs):
        """Predicts the validation examples and adds the metrics."""
        self.state.predicted = predicted = predict_letters(self.predictor, self.examples.letters, self.batch_size)
        pair = self.examples.targets, predicted[:, : len(self.tasks)]
        figures = task_figures(*(by_task(self.scales, TaskScale.fitted, values) for values in pair))
        logs |= {f"val_{name}": mean_defined(figures[name]) for name in FIGURES}
        logs[RELATIVE_ERROR] = relative_error(figures["mse"], self.variances)
        if len(self.tasks) > 1:
            logs |= {f"val_{name}_{task}": float(figures[name][i]) for name in FIGURES for i, task in enumerate(self.tasks)}
        if any(scale.kind != "value" for scale in self.scales):
            fit = np.where([scale.kind == "value" for scale in self.scales], figures["r"], explained_deviances(self.scales, *pair))
            logs["val_fit"] = mean_defined(fit)
            logs |= {f"val_fit_{task}": float(fit[i]) for i, task in enumerate(self.tasks) if len(self.tasks) > 1}
        if self.examples.profiles is not None:
            logs |= {f"val_{name}": value for name, value in epoch_figures(self.model, self.examples, predicted).items()}


class Recorder(keras.callbacks.Callback):
    """Callback that records the history and the best weights, and stops the run early if the validation metric no longer improves.

    Args:
        state: State of the run, which stores the history and the best weights.
        patience: Number of epochs without improvement after which training stops. See `training.epochs.selection.without_improvement`. If
            None, there is no early stopping.
        minutes: Minutes after which training stops at the end of the current epoch. If None, there is no time limit.

    Raises:
        ModelError: The loss is not finite.
    """

    def __init__(self, state: TrainingState, patience: int | None, minutes: float | None = None) -> None:
        super().__init__()
        self.state, self.patience, self.minutes = state, patience, minutes

    def on_epoch_begin(self, epoch, logs=None):
        self.began = perf_counter()

    def on_epoch_end(self, epoch, logs):
        if not np.isfinite(logs["loss"]):
            raise ModelError(f"Expected a finite loss, got {logs['loss']} in epoch {epoch + 1}. Try a lower learning rate.")
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        figures = {name: float(value) for name, value in logs.items()}
        self.state.record({"epoch": epoch + 1, **figures, "learning_rate": rate}, self.model)
        self.state.seconds += perf_counter() - self.began
        self.model.stop_training = self.state.has_ended(self.patience, self.minutes)


class Checkpoint(keras.callbacks.Callback):
    """Callback that writes the checkpoint after each epoch.

    Args:
        path: File of the checkpoint.
        state: State of the run, which `Recorder` updates.

    Raises:
        DreamkerasError: The run folder was removed or replaced during the run.
    """

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__()
        self.path, self.state = path, state

    def on_epoch_end(self, epoch, logs=None):
        require_held(self.path.parent)
        write_checkpoint(self.path, self.model, self.state)


class History(keras.callbacks.Callback):
    """Callback that writes the history after each epoch, so that the history can be read during the run and after an interruption.

    Args:
        path: File of the history.
        state: State of the run, which `Recorder` updates.
    """

    def __init__(self, path: Path, state: TrainingState) -> None:
        super().__init__()
        self.path, self.state = path, state

    def on_epoch_end(self, epoch, logs=None):
        write_history(self.path, self.state.rows)


def predict_letters(predictor: keras.Model, letters: np.ndarray, batch_size: int) -> np.ndarray:
    """Predicts with a Keras model in batches of equal size, so that the model is compiled only once.

    Args:
        predictor: Model that predicts expression from letters.
        letters: uint8 (n, length).
        batch_size: Number of windows predicted at a time.

    Returns:
        float32 (n, tasks).
    """
    missing = -len(letters) % batch_size
    padded = np.concatenate([letters, np.repeat(letters[-1:], missing, axis=0)])
    return predictor.predict(padded, batch_size=batch_size, verbose=0)[: len(letters)]
