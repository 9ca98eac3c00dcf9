"""Evaluates a trained model on its test set, which is used neither for training nor for validation."""

from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.formats.writers import open_writer
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.training.run_folder.validation import mean_figures

__all__ = ["TEST_TABLE", "write_test"]

TEST_TABLE = "test.tsv"


def write_test(
    folder: Path,
    test: Examples,
    predicted: np.ndarray,
    tasks: tuple[str, ...],
    scales: tuple[TaskScale, ...] = (),
    in_units: bool = True,
) -> dict[str, Any]:
    """Writes `test.tsv`, with the measured and predicted values of each test sequence, and returns the metrics.

    Args:
        folder: Run folder.
        test: Test examples, without margins.
        predicted: Predictions for the test examples, float32 (n, tasks or more). Columns after those of the tasks are ignored.
        tasks: Name of each task.
        scales: Kind and transformation of each task. Empty if all tasks are values that are not transformed.
        in_units: Whether the measured values are in the units of the model. If False, mean squared errors are undefined.

    Returns:
        The metrics, as of `validation.mean_figures`.
    """
    values = predicted[:, : len(tasks)]
    columns = [f"{kind}_{task}" for kind in ("measured", "predicted") for task in tasks]
    with open_writer(str(folder / TEST_TABLE), ["length", *columns], "tsv") as writer:
        writer.write(test.ids, np.column_stack([test.lengths, test.targets, values]))
    metrics = mean_figures(test.targets, values, tasks, test.replicates, scales)
    return metrics if in_units else _without_errors(metrics)


def _without_errors(metrics: dict[str, Any]) -> dict[str, Any]:
    """Returns metrics in which the mean squared errors are undefined, because measurements and predictions have different units."""
    tasks = {task: _without_errors(figures) for task, figures in metrics.get("tasks", {}).items()}
    return {**metrics, "mse": np.nan, **({"tasks": tasks} if tasks else {})}
