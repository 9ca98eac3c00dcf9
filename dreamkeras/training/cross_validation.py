"""Cross-validates a network on the folds of the data.

A run is trained for each fold. The predictions for held-out sequences are collected, and the ensemble of all runs is exported. The output
folder contains the run folders `fold-0`, `fold-1` and so on, `out_of_fold.tsv`, `metrics.json`, and the ensemble `model.onnx`.
"""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.division import Division
from dreamkeras.data.splits.record import describe_folds, record_folds
from dreamkeras.errors import DreamkerasError, ExportError, InputError
from dreamkeras.evaluation.notes import Units
from dreamkeras.export.ensemble import export_ensemble
from dreamkeras.files.documents import read_json
from dreamkeras.files.folders import claim, clear
from dreamkeras.files.inputs import full_path
from dreamkeras.files.outputs import write_text
from dreamkeras.models.combinations import lasting_name
from dreamkeras.models.presets import find_preset
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training.backend import running_backend
from dreamkeras.training.baseline import Baseline, compare, describe_behind, read_baseline
from dreamkeras.training.config import RunConfig
from dreamkeras.training.epochs.trained_length import require_length_of_runs
from dreamkeras.training.fingerprints import require_files, require_same_data, require_same_test
from dreamkeras.training.members.finished import has_run
from dreamkeras.training.members.member import train_member
from dreamkeras.training.run_data import assay_of, names_of_folds, read_begun, read_folds, read_test, with_window
from dreamkeras.training.run_folder.new_folder import new_folder
from dreamkeras.training.run_folder.sample_size import sample_size
from dreamkeras.training.run_folder.test_set import TEST_TABLE, write_test
from dreamkeras.training.run_folder.validation import mean_figures, without_nan
from dreamkeras.training.strategy.strategies import find_strategy

__all__ = ["cross_validate", "fold_folders"]

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
        try:
            return _cross_validate(config, folder, report, backend, resume)
        except DreamkerasError:
            if not resume and not any(folder.glob("fold-*/config.json")):  # the run of the first fold could not start
                clear(folder)
            raise


def _cross_validate(config: RunConfig, folder: Path, report: Callable[[str], None], backend: str | None, resume: bool) -> dict[str, Any]:
    config = _started(config, folder, backend, resume)
    (examples, test_fold, _), method = read_folds(config)
    test = read_test(config, test_fold)
    folds, names = names_of_folds(examples)
    runs = fold_folders(folder, names)
    if resume:
        _require_same_data(config, folder, examples, test)
        require_length_of_runs(config, runs.values())
        (folder / "metrics.json").unlink(missing_ok=True)
    config.write(folder / "config.json")
    if method:
        report(describe_folds(folds, method))
    _train_folds(config, folder, runs, report)
    metrics = _join(folder, folds, runs, assay_of(config).scales)
    if test is not None:
        metrics["test"] = _join_tests(config, folder, runs.values(), test)
    if method:
        metrics["holdout"] = record_folds(folds, method)
    if behind := describe_behind(metrics):
        report(f"Warning: {behind}")
    _export(config, list(runs.values()), folder / "model.onnx")
    # metrics.json is written last, so that its existence shows that all other files are complete
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def _started(config: RunConfig, folder: Path, backend: str | None, resume: bool) -> RunConfig:
    """Returns the configuration with the backend and the window that all runs share, and with absolute paths.

    Raises:
        InputError: The cross-validation to resume was started with another backend, or its data were a stream.
    """
    if resume:
        require_files(config, folder)
    running = running_backend(backend)
    if config.backend not in (None, running):
        raise InputError(f"Expected backend {config.backend}, because the runs in {folder} were started with it, got {running}.")
    construct = None
    if resume and (folder / "config.json").exists():
        construct = read_begun(folder / "config.json").construct
        config = _with_length(config, folder / "config.json")
    config = dataclasses.replace(config, backend=running, construct=construct, model=lasting_name(config.model))
    return with_window(config.with_files(full_path))


def _train_folds(config: RunConfig, folder: Path, runs: dict[Any, Path], report: Callable[[str], None]) -> None:
    """Trains the runs of all folds that are not finished.

    Raises:
        ExportError: The models of some folds could not be exported.
    """
    failures = []
    for place, (fold, run_folder) in enumerate(runs.items(), start=1):
        report(f"fold {place}/{len(runs)}: {run_folder}")
        try:
            _train_fold(config, fold, run_folder)
        except ExportError as error:  # only the export of the fold failed, so the remaining folds are still trained
            failures.append(str(error))
    if failures:
        raise ExportError(f"{' '.join(failures)} Then run: dreamkeras train --resume --out {folder}")


def fold_folders(folder: Path, folds: list[Any]) -> dict[Any, Path]:
    """Returns the run folder of each fold. Characters that are not safe in a file name are replaced.

    Raises:
        InputError: Two folds would have the same folder.
    """
    names = {fold: re.sub(r"[^\w.+-]+", "_", str(fold)) for fold in folds}
    for fold, name in names.items():
        if same := [other for other in folds if other != fold and names[other].lower() == name.lower()]:
            raise InputError(f"Expected folds with different names, got {fold!r} and {same[0]!r}, which would have the same folder.")
    return {fold: folder / f"fold-{name}" for fold, name in names.items()}


def _with_length(config: RunConfig, path: Path) -> RunConfig:
    """Returns the configuration of a cross-validation to resume. If an older version started it, the length is that of the older version.

    Older versions did not store the field `keep`, and the default length was the number of epochs of the strategy.
    """
    if "keep" in read_json(path) or config.epochs or config.steps:
        return config
    return dataclasses.replace(config, epochs=find_strategy(config.strategy or find_preset(config.model).strategy).epochs)


def _require_same_data(config: RunConfig, folder: Path, examples: Examples, test: Examples | None) -> None:
    """Compares the data of a cross-validation to resume with the fingerprints of its first run, which contains all examples.

    Raises:
        InputError: The data differ.
    """
    for path in sorted(folder.glob("fold-*/config.json"))[:1]:
        begun = RunConfig.read(path)
        training, validation = Division.of_run(dataclasses.asdict(begun)).divide(examples)
        require_same_data(training, validation, config, begun, folder)
        require_same_test(test, config, begun, folder)


def _export(config: RunConfig, runs: list[Path], output: Path) -> None:
    """Exports the ensemble of all runs."""
    parameters = sum(json.loads((run / "metrics.json").read_text("utf-8"))["parameters"] for run in runs)
    export_ensemble(runs, output, sequences=sample_size(parameters, assay_of(config).construct.length))


def _train_fold(config: RunConfig, number: int | str, folder: Path) -> None:
    """Trains the run of a fold, or resumes the run if it was interrupted or has another length or limit."""
    if not has_run(config, folder):
        keras.utils.clear_session()  # otherwise, the networks of all folds would stay in memory
    drawn = config.folds if isinstance(config.folds, int) else None
    train_member(dataclasses.replace(config, folds=drawn, valid_fold=number), folder)


def _join(folder: Path, folds: np.ndarray, runs: dict[Any, Path], scales: tuple[TaskScale, ...]) -> dict[str, Any]:
    """Writes the rows of all folds' validation tables to `out_of_fold.tsv`, in the order of the data. Returns the metrics over all rows."""
    header: list[str] = []
    table = np.empty(len(folds), object)
    for number, run_folder in runs.items():
        header, rows = _read_table(run_folder / "validation.tsv")
        places = np.flatnonzero(folds == number)
        if len(rows) != len(places):
            file = run_folder / "validation.tsv"
            raise InputError(f"The data have changed since the run: expected {len(places)} rows in {file}, got {len(rows)}.")
        for place, row in zip(places, rows, strict=True):
            table[place] = [row[0], str(number), *row[1:]]
    _write_table(folder / "out_of_fold.tsv", [header[0], "fold", *header[1:]], table)
    values = np.array([row[OWN_COLUMNS + 1 :] for row in table], np.float64)
    tasks = _measured_tasks(header)
    metrics = _metrics(tasks, values, folds, list(runs), scales)
    if baseline := _read_baseline(folds, runs, tasks):
        measured, predicted = np.split(values, 2, axis=1)
        metrics["baseline"] = compare(baseline, measured, predicted, tasks, scales)
    return dict(without_nan(metrics))


def _read_baseline(folds: np.ndarray, runs: dict[Any, Path], tasks: tuple[str, ...]) -> Baseline | None:
    """Joins the predictions of the folds' baselines. The penalties are medians over the folds.

    Returns None if an older version trained a fold.
    """
    found = {fold: read_baseline(path, tasks) for fold, path in runs.items()}
    baselines = [baseline for baseline in found.values() if baseline]
    if len(baselines) < len(found):
        return None
    predicted = np.empty((len(folds), len(tasks)))
    for fold, baseline in zip(found, baselines, strict=True):
        predicted[folds == fold] = baseline.predicted
    penalties = np.median([baseline.penalties for baseline in baselines], axis=0)
    return Baseline(predicted, penalties, baselines[0].features, min(baseline.rows for baseline in baselines))


def _join_tests(config: RunConfig, folder: Path, runs: Iterable[Path], test: Examples) -> dict[str, Any]:
    """Writes the test sequences to `test.tsv` with the predictions of the ensemble, which are the means over the runs of all folds.

    Returns:
        The metrics of the ensemble.
    """
    assay = assay_of(config)
    tables = [_read_table(run_folder / TEST_TABLE)[1] for run_folder in runs]
    predicted = np.array([[row[-len(assay.tasks) :] for row in rows] for rows in tables], np.float64).mean(axis=0)
    in_units = Units.of(assay, test.targets).are_the_models
    return dict(without_nan(write_test(folder, test, predicted, assay.tasks, assay.scales, in_units)))


def _measured_tasks(header: list[str]) -> tuple[str, ...]:
    """Returns the names of the tasks in the header of a table of measured and predicted values."""
    columns = header[OWN_COLUMNS:]
    return tuple(name.removeprefix("measured_") for name in columns[: len(columns) // 2])


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows of a table that a run wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    return header, rows


def _write_table(path: Path, header: list[str], rows: Iterable[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())


def _metrics(
    tasks: tuple[str, ...], values: np.ndarray, folds: np.ndarray, numbers: list[Any], scales: tuple[TaskScale, ...]
) -> dict[str, Any]:
    """Returns the metrics over all rows.

    The first half of the columns contains measured values, and the second half contains predicted values.
    """
    metrics = mean_figures(values[:, : len(tasks)], values[:, len(tasks) :], tasks, scales=scales)
    of_fold = {number: np.split(values[folds == number], 2, axis=1) for number in numbers}
    metrics["folds"] = {str(number): mean_defined(task_figures(*columns)["r"]) for number, columns in of_fold.items()}
    return metrics
