"""Evaluates a trained model on its test set, which is used neither for training nor for validation."""

from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.formats.writers import open_writer
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.noise_ceiling import NoiseCeiling, task_ceilings
from dreamkeras.statistics.task_kinds import add_kind_figures
from dreamkeras.statistics.undefined import mean_defined

__all__ = ["TEST_TABLE", "mean_figures", "write_test"]

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
        The fields `r`, `rho`, `mse` and `n`, and the noise ceiling if the test examples have replicates. Metrics are means over the tasks
        for which they are defined. Transformed values, binary tasks and counts have further metrics. With several tasks, the metrics of
        each task are under `tasks`.
    """
    values = predicted[:, : len(tasks)]
    columns = [f"{kind}_{task}" for kind in ("measured", "predicted") for task in tasks]
    with open_writer(str(folder / TEST_TABLE), ["length", *columns], "tsv") as writer:
        writer.write(test.ids, np.column_stack([test.lengths, test.targets, values]))
    metrics = mean_figures(test.targets, values, tasks, test.replicates, scales)
    for figures in (metrics, *metrics.get("tasks", {}).values()) if not in_units else ():
        figures["mse"] = np.nan
    return metrics


def mean_figures(
    measured: np.ndarray,
    predicted: np.ndarray,
    tasks: tuple[str, ...],
    replicates: np.ndarray | None = None,
    scales: tuple[TaskScale, ...] = (),
) -> dict[str, Any]:
    """Returns the metrics of predictions (n, tasks) for measured values (n, tasks). See `write_test`."""
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
