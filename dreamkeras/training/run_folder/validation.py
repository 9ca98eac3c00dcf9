"""Computes and writes the validation results of a model: metrics, predictions, plots and the calibration. Does not import Keras."""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.intervals import measure_intervals
from dreamkeras.confidence.measure import measure_calibration, sample_inserts
from dreamkeras.data.examples import Examples
from dreamkeras.formats.writers import open_writer
from dreamkeras.plots.training import plot_predictions, plot_residuals
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.noise_ceiling import NoiseCeiling, task_ceilings
from dreamkeras.statistics.task_kinds import add_kind_figures
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training.epochs.selection import relative_error, target_variances

__all__ = ["calibration_of", "mean_figures", "prediction_plots", "validation_metrics", "without_nan", "write_validation"]


def mean_figures(
    measured: np.ndarray,
    predicted: np.ndarray,
    tasks: tuple[str, ...],
    replicates: np.ndarray | None = None,
    scales: tuple[TaskScale, ...] = (),
) -> dict[str, Any]:
    """Computes the metrics of predictions.

    Args:
        measured: Measured values, float (n, tasks). Missing values are NaN.
        predicted: Predictions, float (n, tasks).
        tasks: Names of the tasks.
        replicates: Replicates of the measured values, if there are any.
        scales: Kind and transformation of each task. Empty if all tasks are values that are not transformed.

    Returns:
        The fields `r`, `rho`, `mse` and `n`, and the noise ceiling if there are replicates. Metrics are means over the tasks for which they
        are defined. Transformed values, binary tasks and counts have further metrics. With several tasks, the metrics of each task are
        under `tasks`.
    """
    figures = task_figures(measured, predicted)
    if ceilings := list(task_ceilings(replicates, tasks).values()):
        figures |= {name: np.array([getattr(ceiling, name) for ceiling in ceilings]) for name in NoiseCeiling._fields}
    metrics: dict[str, Any] = {name: mean_defined(values) for name, values in figures.items() if name != "n"}
    metrics["n"] = len(measured)
    if len(tasks) > 1:
        columns = {name: values.tolist() for name, values in figures.items()}
        metrics["tasks"] = {task: {name: values[i] for name, values in columns.items()} for i, task in enumerate(tasks)}
    add_kind_figures(metrics, tasks, scales, measured, predicted)
    return metrics


def validation_metrics(
    validation: Examples, predicted: np.ndarray, training: Examples, tasks: tuple[str, ...], scales: tuple[TaskScale, ...] = ()
) -> dict[str, Any]:
    """Computes the validation metrics of a model.

    Args:
        validation: Validation examples.
        predicted: Predictions for the validation examples, float (n, tasks).
        training: Training examples.
        tasks: Names of the tasks.
        scales: Kind and transformation of each task. Empty if all tasks are values that are not transformed.

    Returns:
        The metrics of `mean_figures`, and `relative_mse`, the mean squared error relative to the variance of the training values.
    """
    metrics = mean_figures(validation.targets, predicted, tasks, validation.replicates, scales)
    metrics["relative_mse"] = relative_error(task_figures(validation.targets, predicted)["mse"], target_variances(training.targets))
    return metrics


def write_validation(path: Path, validation: Examples, predicted: np.ndarray, tasks: Sequence[str]) -> None:
    """Writes `validation.tsv`, with the id, the length, the measured and the predicted values of each validation example.

    Args:
        path: File to write.
        validation: Validation examples.
        predicted: Predictions, float32 (n, tasks), or predictions followed by their standard deviations, float32 (n, 2 * tasks). Standard
            deviations are written in the columns `sd_TASK`.
        tasks: Names of the tasks.
    """
    kinds = ("measured", "predicted", "sd")[: 1 + predicted.shape[1] // len(tasks)]
    columns = [f"{kind}_{task}" for kind in kinds for task in tasks]
    with open_writer(str(path), ["length", *columns], "tsv") as writer:
        writer.write(validation.ids, np.column_stack([validation.lengths, validation.targets, predicted]))


def prediction_plots(
    folder: Path, tasks: Sequence[str], units: Sequence[str], validation: Examples, predicted: np.ndarray
) -> dict[Path, Callable[[], None]]:
    """Returns functions that draw two plots for each task, by the path of the plot.

    The plots show the predictions against the measured values, and the residuals by length.

    Args:
        folder: Folder of the plots.
        tasks: Names of the tasks.
        units: Units of the tasks.
        validation: Validation examples.
        predicted: Predictions, float (n, tasks).
    """
    plots: dict[Path, Callable[[], None]] = {}
    for column, (task, unit) in enumerate(zip(tasks, units, strict=True)):
        # The column names of a user's table may contain a $, which would start a formula in a plot.
        file, labels = re.sub(r"[^\w.+-]+", "_", task), (task.replace("$", r"\$"), unit.replace("$", r"\$"))
        measured, answered = validation.targets[:, column], predicted[:, column]
        pairs, residuals = folder / f"{file}.png", folder / f"{file}_residuals.png"
        plots[pairs] = partial(plot_predictions, measured, answered, pairs, *labels)
        plots[residuals] = partial(plot_residuals, validation.lengths, measured, answered, residuals, *labels)
    return plots


def calibration_of(
    validation: Examples,
    predicted: np.ndarray,
    training: Examples,
    sequences: int,
    start: Callable[[str], None],
    scales: tuple[TaskScale, ...] = (),
) -> Callable[[Scorer], dict[str, Any]]:
    """Returns a function that calibrates an exported model from its errors on the validation examples and from the training sequences.

    Args:
        validation: Validation examples.
        predicted: Predictions for the validation examples, float (n, tasks).
        training: Training examples.
        sequences: Maximum number of sequences of each distribution of the background.
        start: Function that receives the name of the phase when the calibration starts.
        scales: Kind and transformation of each task, as for `validation_metrics`.
    """

    def measure(scorer: Scorer) -> dict[str, Any]:
        start("Calibrating the model")
        intervals = measure_intervals(validation.targets, predicted, scorer.tasks, scales)
        return measure_calibration(scorer, intervals, sample_inserts(training, scorer.construct), sequences)

    return measure


def without_nan(metrics: Any) -> Any:
    """Replaces NaN and infinite values in nested dictionaries with None, because JSON has no such values."""
    if isinstance(metrics, list):
        return [without_nan(value) for value in metrics]
    if isinstance(metrics, dict):
        return {name: without_nan(value) for name, value in metrics.items()}
    return None if isinstance(metrics, float) and not math.isfinite(metrics) else metrics
