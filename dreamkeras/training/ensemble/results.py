"""Writes the results of an ensemble into its folder, as those of a single run. Does not import Keras.

The files are `metrics.json`, `validation.tsv`, `config.json`, `model.onnx`, `calibration.json`, `README.md` and `plots/`.
"""

import csv
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.run_file import CALIBRATION_FILE
from dreamkeras.errors import counted
from dreamkeras.export.ensemble import export_ensemble
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.files.inputs import file_name
from dreamkeras.files.outputs import naming_output, write_text
from dreamkeras.plots.style import draw_plots
from dreamkeras.plots.training import plot_seeds
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.predictor import load
from dreamkeras.sequence.task_scale import TaskScale, by_task
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training.baseline import compare, read_baseline
from dreamkeras.training.changes import DATA_FILES
from dreamkeras.training.config import RunConfig
from dreamkeras.training.run_data import RunData, assay_of
from dreamkeras.training.run_folder.model_card import model_card
from dreamkeras.training.run_folder.phases import show_phases
from dreamkeras.training.run_folder.sample_size import sample_size
from dreamkeras.training.run_folder.test_set import write_test
from dreamkeras.training.run_folder.validation import (
    calibration_of,
    prediction_plots,
    validation_metrics,
    without_nan,
    write_validation,
)

__all__ = ["write_results"]

PHASES = 4
"""Number of phases of the progress bar: predictions, export, calibration and plots."""

COMPARED = ("r", "rho", "mse", "relative_mse")
"""Metrics of the seeds whose mean is reported beside the metrics of the ensemble."""

OF_SEEDS = (*COMPARED, "epoch", "seconds", "tasks")
"""Metrics that are reported for each seed."""

SUMMED = ("parameters", "seconds", "steps")
"""Metrics that are added up over the seeds."""

OF_ONE_RUN = ("best_epoch", "epoch", "kept", "baseline")
"""Metrics that an ensemble does not take from its runs, even if they are equal in all runs."""

OF_ENSEMBLE = ("model", "alternates", "ensemble", "minutes", *DATA_FILES)
"""Fields of the configuration that an ensemble does not take from its runs, even if they are equal in all runs."""


def write_results(config: RunConfig, folder: Path, runs: Sequence[Path], data: RunData) -> dict[str, Any]:
    """Writes the results of finished runs whose predictions are averaged.

    Args:
        config: Configuration that all runs share.
        folder: Folder of the ensemble.
        runs: Run folders of the seeds.
        data: Training and validation examples of all runs.

    Returns:
        The contents of `metrics.json`: the metrics of the mean prediction, as for a single run, the metrics of each seed under `seeds`, and
        their means under `mean_of_seeds`. `parameters`, `seconds` and `steps` are sums over the seeds. Entries that are equal in all runs,
        such as the number of examples, are kept. Undefined metrics are NaN in the dictionary and null in the file.

    Raises:
        DreamkerasError: A file cannot be written.
        ModelError: The networks of the runs predict a profile, or the exported file differs from its members.
    """
    recorded = _recorded(config, runs)
    recorded.write(folder / "config.json")
    training, validation = data.training, data.validation
    with show_phases(PHASES) as start:
        start(f"Predicting {counted(len(validation), 'validation sequence')}")
        ensemble = Ensemble([load(run, device="cpu") for run in runs])
        answers = ensemble.score_windows([validation.letters])
        predicted = answers[:, : len(ensemble.tasks)]
        scales = assay_of(config).scales
        metrics = _metrics(runs, validation_metrics(validation, predicted, training, ensemble.tasks, scales))
        if baseline := read_baseline(runs[0], ensemble.tasks):
            metrics["baseline"] = compare(baseline, validation.targets, predicted, ensemble.tasks, scales)
        if data.test is not None:
            of_test = ensemble.score_windows([data.test.letters])[:, : len(ensemble.tasks)]
            metrics["test"] = write_test(folder, data.test, of_test, ensemble.tasks, scales, data.test_in_units)
        write_validation(folder / "validation.tsv", validation, answers, ensemble.tasks)
        write_text(folder / "metrics.json", json.dumps(without_nan(metrics), indent=2) + "\n")
        start("Exporting the ensemble to ONNX")
        sequences = sample_size(metrics["parameters"], ensemble.construct.length)
        description = export_ensemble(
            runs,
            folder / "model.onnx",
            sequences=sequences,
            training=read_training_summary(folder),
            calibration=calibration_of(validation, predicted, training, sequences, start, scales),
        )
        write_text(folder / CALIBRATION_FILE, json.dumps(description.calibration, indent=2) + "\n")
        summary = {**dataclasses.asdict(recorded.with_files(file_name)), **data.facts()}
        write_text(folder / "README.md", model_card(description, metrics, [], summary))
        start("Drawing the plots")
        trained_r = _trained_r(validation.targets, predicted, scales)
        _plot(folder / "plots", runs, trained_r, prediction_plots(folder / "plots", ensemble.tasks, ensemble.units, validation, predicted))
    return metrics


def _recorded(config: RunConfig, runs: Sequence[Path]) -> RunConfig:
    """Returns the configuration of the ensemble with the defaults that were filled in for all of its runs alike."""
    first, *others = (RunConfig.read(run / "config.json") for run in runs)
    names = [field.name for field in dataclasses.fields(RunConfig)]
    own = [name for name in names if any(getattr(other, name) != getattr(first, name) for other in others)]
    return dataclasses.replace(first, **{name: getattr(config, name) for name in (*own, *OF_ENSEMBLE)})


def _metrics(runs: Sequence[Path], of_mean: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the metrics of the ensemble, followed by those of each seed and by the means over the seeds."""
    found = [json.loads((run / "metrics.json").read_text("utf-8")) for run in runs]
    shared = {name: value for name, value in found[0].items() if all(name in other and other[name] == value for other in found)}
    kept = {name: value for name, value in shared.items() if name not in (*OF_ONE_RUN, *SUMMED, *of_mean)}
    sums = {name: round(sum(metrics[name] for metrics in found), 1) for name in SUMMED}
    rows = [_with_nan({name: metrics[name] for name in OF_SEEDS if name in metrics}) for metrics in found]
    for row, run in zip(rows, runs, strict=True):
        row["model"] = RunConfig.read(run / "config.json").model
    seeds = dict(zip((run.name.removeprefix("seed-") for run in runs), rows, strict=True))
    return {**of_mean, **_with_nan(kept), **sums, "seeds": seeds, "mean_of_seeds": _means(rows)}


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the means of the metrics in `COMPARED` over the seeds. A mean is NaN if the metric of a seed is undefined."""
    means: dict[str, Any] = {name: float(np.mean([row[name] for row in rows])) for name in COMPARED if name in rows[0]}
    if "tasks" in rows[0]:
        means["tasks"] = {task: _means([row["tasks"][task] for row in rows]) for task in rows[0]["tasks"]}
    return means


def _with_nan(metrics: Any) -> Any:
    """Replaces None in nested dictionaries with NaN, as the inverse of `without_nan`."""
    if isinstance(metrics, dict):
        return {name: _with_nan(value) for name, value in metrics.items()}
    return float("nan") if metrics is None else metrics


def _trained_r(measured: np.ndarray, predicted: np.ndarray, scales: tuple[TaskScale, ...]) -> float:
    """Returns r as in the history of a run: from transformed values, and as the mean over tasks."""
    return mean_defined(task_figures(*(by_task(scales, TaskScale.fitted, values) for values in (measured, predicted)))["r"])


def _plot(folder: Path, runs: Sequence[Path], trained_r: float, plots: dict[Path, Callable[[], None]]) -> None:
    """Draws the history of the seeds with the r of their mean prediction, and the given plots."""
    with naming_output(str(folder)):
        folder.mkdir(exist_ok=True)
    histories = {run.name: _read_history(run / "history.csv") for run in runs}
    history = folder / "history.png"
    draw_plots({history: partial(plot_seeds, histories, history, trained_r)} | plots)


def _read_history(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]
