"""Cross-validates a network on the folds of the data.

A run is trained for each fold. The predictions for held-out sequences are collected, and the ensemble of all runs is exported. The output
folder contains the run folders `fold-0`, `fold-1` and so on, `out_of_fold.tsv`, `metrics.json`, and the ensemble `model.onnx`.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.division import Division
from dreamkeras.errors import ExportError, InputError
from dreamkeras.export.ensemble import export_ensemble
from dreamkeras.files.folders import claim
from dreamkeras.files.inputs import full_path
from dreamkeras.files.outputs import write_text
from dreamkeras.models.combinations import lasting_name
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training.backend import running_backend
from dreamkeras.training.config import RunConfig
from dreamkeras.training.members.finished import has_run
from dreamkeras.training.members.member import train_member
from dreamkeras.training.run_data import assay_of, read_begun, read_examples, require_files, require_same_data, with_window
from dreamkeras.training.run_folder.new_folder import new_folder
from dreamkeras.training.run_folder.sample_size import sample_size
from dreamkeras.training.run_folder.validation import without_nan

__all__ = ["cross_validate"]

OWN_COLUMNS = 2
"""Number of columns in `validation.tsv` before the measured values: the id and the length."""


def cross_validate(
    config: RunConfig, folder: Path, report: Callable[[str], None], backend: str | None = None, resume: bool = False
) -> dict[str, Any]:
    """Trains a run for each fold, validates it on that fold, and writes the results of all runs to a new folder.

    Args:
        config: Configuration that all runs share. The field `folds` must be set. Each run has a different value of `valid_fold`. To resume
            with moved data, another length or other limits, give the result of `changes.changed`.
        folder: Folder for the results. The folder must be new or empty, unless `resume` is True.
        report: Function that receives a line of text when a fold starts.
        backend: Backend that Keras must use. If None, Keras must use the backend in `config`. If `config` has no backend, Keras may use any
            backend.
        resume: Whether to resume a cross-validation. Finished folds are not trained again, unless their length or a limit has changed.

    Returns:
        The contents of `metrics.json`. The dictionary includes `r`, `rho`, `mse` and `n` over all out-of-fold predictions, and the r of
        each fold under `folds`. Metrics are means over the tasks for which they are defined. An undefined value is None, because JSON has
        no NaN.

    Raises:
        DreamkerasError: The data, the configuration or the folder cannot be used.
        ExportError: All folds were trained, but the models of some folds could not be exported. The message contains the commands that
            finish the export and the cross-validation.
    """
    with claim(folder) if resume else new_folder(folder):
        return _cross_validate(config, folder, report, backend, resume)


def _cross_validate(config: RunConfig, folder: Path, report: Callable[[str], None], backend: str | None, resume: bool) -> dict[str, Any]:
    if resume:
        require_files(config, folder)
    running = running_backend(backend)
    if config.backend not in (None, running):
        raise InputError(f"Expected backend {config.backend}, because the runs in {folder} were started with it, got {running}.")
    construct = read_begun(folder / "config.json").construct if resume and (folder / "config.json").exists() else None
    config = dataclasses.replace(config, backend=running, construct=construct, model=lasting_name(config.model))
    config = with_window(dataclasses.replace(config, data=full_path(config.data)) if config.data else config)
    examples = read_examples(config)
    folds = examples.folds
    if folds is None:
        raise InputError("The data have no fold column. Set folds to a number, so that the folds are drawn at random.")
    numbers = np.unique(folds).tolist()
    if len(numbers) < 2:
        raise InputError(f"Expected two or more folds, but all sequences are in fold {numbers[0]}.")
    if resume:
        _require_same_data(config, folder, examples)
        (folder / "metrics.json").unlink(missing_ok=True)
    config.write(folder / "config.json")
    failures = []
    for place, number in enumerate(numbers, start=1):
        report(f"fold {place}/{len(numbers)}: {folder / f'fold-{number}'}")
        try:
            _train_fold(config, number, folder / f"fold-{number}")
        except ExportError as error:  # only the export of the fold failed, so the remaining folds are still trained
            failures.append(str(error))
    if failures:
        raise ExportError(f"{' '.join(failures)} Then run: dreamkeras train --resume --out {folder}")
    metrics = _join(folder, folds, numbers)
    _export(config, [folder / f"fold-{number}" for number in numbers], folder / "model.onnx")
    # metrics.json is written last, so that its existence shows that all other files are complete
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def _require_same_data(config: RunConfig, folder: Path, examples: Examples) -> None:
    """Compares the data of a cross-validation to resume with the fingerprint of its first run, which contains all examples.

    Raises:
        InputError: The data differ.
    """
    for path in sorted(folder.glob("fold-*/config.json"))[:1]:
        begun = RunConfig.read(path)
        training, validation = Division.of_run(dataclasses.asdict(begun)).divide(examples)
        require_same_data(training, validation, config, begun, folder)


def _export(config: RunConfig, runs: list[Path], output: Path) -> None:
    """Exports the ensemble of all runs."""
    parameters = sum(json.loads((run / "metrics.json").read_text("utf-8"))["parameters"] for run in runs)
    export_ensemble(runs, output, sequences=sample_size(parameters, assay_of(config).construct.length))


def _train_fold(config: RunConfig, number: int, folder: Path) -> None:
    """Trains the run of a fold, or resumes the run if it was interrupted or has another length or limit."""
    if not has_run(config, folder):
        keras.utils.clear_session()  # otherwise, the networks of all folds would stay in memory
    drawn = config.folds if isinstance(config.folds, int) else None
    train_member(dataclasses.replace(config, folds=drawn, valid_fold=number), folder)


def _join(folder: Path, folds: np.ndarray, numbers: list[int]) -> dict[str, Any]:
    """Writes the rows of all folds' validation tables to `out_of_fold.tsv`, in the order of the data. Returns the metrics over all rows."""
    header: list[str] = []
    table = np.empty(len(folds), object)
    for number in numbers:
        with (folder / f"fold-{number}" / "validation.tsv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t")
        places = np.flatnonzero(folds == number)
        if len(rows) != len(places):
            raise InputError(f"The data have changed since the run: expected {len(places)} rows in {file.name}, got {len(rows)}.")
        for place, row in zip(places, rows, strict=True):
            table[place] = [row[0], str(number), *row[1:]]
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([[header[0], "fold", *header[1:]], *table])
    write_text(folder / "out_of_fold.tsv", text.getvalue())
    values = np.array([row[OWN_COLUMNS + 1 :] for row in table], np.float64)
    return _metrics([name.removeprefix("measured_") for name in header[OWN_COLUMNS:]], values, folds, numbers)


def _metrics(names: list[str], values: np.ndarray, folds: np.ndarray, numbers: list[int]) -> dict[str, Any]:
    """Returns the metrics over all rows.

    The first half of the columns contains measured values, and the second half contains predicted values.
    """
    tasks = len(names) // 2
    figures = task_figures(values[:, :tasks], values[:, tasks:])
    metrics: dict[str, Any] = {name: mean_defined(column) for name, column in figures.items() if name != "n"}
    metrics["n"] = len(values)
    if tasks > 1:
        metrics["tasks"] = {
            task: {name: float(column[place]) for name, column in figures.items()} for place, task in enumerate(names[:tasks])
        }
    of_fold = {number: np.split(values[folds == number], 2, axis=1) for number in numbers}
    metrics["folds"] = {str(number): mean_defined(task_figures(*columns)["r"]) for number, columns in of_fold.items()}
    return dict(without_nan(metrics))
