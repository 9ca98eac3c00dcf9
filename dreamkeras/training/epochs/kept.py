"""Assigns the weights of the epoch that a run saves to its network."""

from pathlib import Path

import keras
import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.sequence.task_scale import TaskScale, by_task
from dreamkeras.training.epochs.callbacks import predict_letters
from dreamkeras.training.epochs.checkpoint import TrainingState, assign_weights, weights_of
from dreamkeras.training.epochs.choice import Comparison, choose_epoch, compare, squared_errors
from dreamkeras.training.epochs.profiles import group_losses
from dreamkeras.training.epochs.selection import target_variances

__all__ = ["keep_epoch"]


class _Epochs:
    """Weights of the last and the best epoch, and their predictions for the validation examples.

    Predictions of an epoch that an earlier process trained are computed again, because checkpoints do not contain predictions.
    """

    def __init__(
        self, model: PrixFixe, predictor: keras.Model, validation: Examples, batch_size: int, state: TrainingState, folder: Path
    ) -> None:
        # With --ema, the last epoch was validated with the averaged weights.
        model.optimizer.finalize_variable_values(model.trainable_variables)
        self.weights = {"last": weights_of(model.variables), "best": state.best_weights}
        self.known = {"last": state.predicted, "best": state.best_predicted}
        self.model, self.predictor, self.validation, self.batch_size, self.folder = model, predictor, validation, batch_size, folder

    def predict(self, epoch: str) -> np.ndarray:
        """Assigns the weights of an epoch to the network, and returns the predictions."""
        assign_weights(self.model.variables, self.weights[epoch], self.folder)
        predicted = self.known[epoch]
        if predicted is None:
            predicted = self.known[epoch] = predict_letters(self.predictor, self.validation.letters, self.batch_size)
        return predicted

    def compare(self, training: np.ndarray) -> Comparison:
        """Compares the errors of both epochs on the validation examples. The training values scale the errors of the tasks."""
        variances = target_variances(self.stabilised(training))
        return compare(*(self.errors(self.predict(epoch), variances) for epoch in ("last", "best")))

    def stabilised(self, values: np.ndarray) -> np.ndarray:
        """Converts values or predictions (n, at least tasks) to a scale on which errors of low and high values have a similar size."""
        return by_task(self.model.scales, TaskScale.stabilised, values[:, : len(self.model.tasks)])

    def errors(self, predicted: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """Returns the errors by which epochs are compared. For profiles, these are losses of groups of windows."""
        if self.validation.profiles is not None:
            return group_losses(self.model, self.validation, predicted)
        return squared_errors(self.stabilised(self.validation.targets), self.stabilised(predicted), variances)


def keep_epoch(
    keep: str,
    completed: bool,
    model: PrixFixe,
    predictor: keras.Model,
    validation: Examples,
    batch_size: int,
    training: np.ndarray,
    state: TrainingState,
    folder: Path,
) -> np.ndarray:
    """Assigns the weights of the epoch to save to the network, and stores the choice in the state.

    Args:
        keep: See `choice.choose_epoch`.
        completed: Whether all steps of the schedule were trained.
        model: Network after the last epoch.
        predictor: Model that predicts expression from letters, as returned by `PrixFixe.predictor`.
        validation: Validation examples.
        batch_size: Number of windows predicted at a time.
        training: Training values, float (n, tasks).
        state: State of the run.
        folder: Run folder, which is named in error messages.

    Returns:
        Predictions of the network for the validation examples, float32 (n, columns).
    """
    epochs = _Epochs(model, predictor, validation, batch_size, state, folder)
    state.kept = choose_epoch(keep, state.rows, state.best_epoch, completed, lambda: epochs.compare(training))
    return epochs.predict("best" if state.kept.epoch == state.best_epoch else "last")
