"""Cross-validation: a run for each fold of the data, what they predicted of sequences they did not see, and their ensemble.

The folder holds `fold-0` and so on, run folders like any other; `out_of_fold.tsv`; `metrics.json`; and `model.onnx`, all folds as one.
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

from dreamkeras.errors import ExportError, InputError
from dreamkeras.export.ensemble import export_ensemble
from dreamkeras.files.folders import claim
from dreamkeras.files.inputs import full_path
from dreamkeras.files.outputs import write_text
from dreamkeras.models.combinations import lasting_name
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.statistics.undefined import mean_defined
from dreamkeras.training import run
from dreamkeras.training.backend import running_backend
from dreamkeras.training.config import RunConfig
from dreamkeras.training.grid.results import is_finished
from dreamkeras.training.run_data import read_begun, read_examples, require_files, with_window
from dreamkeras.training.run_folder.contents import without_nan
from dreamkeras.training.run_folder.new_folder import new_folder, remove_unfinished

__all__ = ["cross_validate"]

OWN_COLUMNS = 2
"""Columns of `validation.tsv` before the values: id and length."""


def cross_validate(
    config: RunConfig, folder: Path, report: Callable[[str], None], backend: str | None = None, resume: bool = False
) -> dict[str, Any]:
    """Trains a run for each fold, which it validates on, and fills a new folder with what came of them.

    Args:
        config: The choices of all runs, with `folds`; each run has its own `valid_fold`.
        folder: Where everything goes; must not hold anything yet, unless it is gone on with.
        report: Told in a line of each fold that begins.
        backend: What Keras is expected to run on; None takes the choices' own, or else Keras's.
        resume: Goes on with what a call with these choices left: folds that are done are not repeated.

    Returns:
        The figures of `metrics.json`: r, rho, mse and n over all out-of-fold predictions, means over the tasks that have them; and
        `folds`, the r of each. JSON has no NaN: one that is undefined is None.

    Raises:
        DreamkerasError: The data, the choices or the folder will not do.
        ExportError: Folds are trained but could not be exported; the message has the commands to go on with.
    """
    with claim(folder) if resume else new_folder(folder):
        return _cross_validate(config, folder, report, backend, resume)


def _cross_validate(config: RunConfig, folder: Path, report: Callable[[str], None], backend: str | None, resume: bool) -> dict[str, Any]:
    if resume:
        require_files(config, folder)
    running = running_backend(backend)
    if config.backend not in (None, running):
        raise InputError(f"Expected backend {config.backend}, which the runs in {folder} are of, got {running}.")
    construct = read_begun(folder / "config.json").construct if resume and (folder / "config.json").exists() else None
    config = dataclasses.replace(config, backend=running, construct=construct, model=lasting_name(config.model))
    config = with_window(dataclasses.replace(config, data=full_path(config.data)) if config.data else config)
    folds = read_examples(config).folds
    if folds is None:
        raise InputError("Expected data with folds, got none: the data have no fold column; a number of folds is drawn instead.")
    numbers = np.unique(folds).tolist()
    if len(numbers) < 2:
        raise InputError(f"Expected two or more folds, got fold {numbers[0]} alone.")
    if not resume:
        config.write(folder / "config.json")
    failures = []
    for place, number in enumerate(numbers, start=1):
        report(f"fold {place}/{len(numbers)}: {folder / f'fold-{number}'}")
        try:
            _train_fold(config, number, folder / f"fold-{number}")
        except ExportError as error:  # the fold is trained, and the others are not held up
            failures.append(str(error))
    if failures:
        raise ExportError(f"{' '.join(failures)} Then: dreamkeras train --resume --out {folder}")
    metrics = _join(folder, folds, numbers)
    export_ensemble([folder / f"fold-{number}" for number in numbers], folder / "model.onnx")
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")  # last: who finds it finds the rest
    return metrics


def _train_fold(config: RunConfig, number: int, folder: Path) -> None:
    """Brings the run of a fold to its end, from wherever it stands."""
    if is_finished(folder):
        return
    keras.utils.clear_session()  # else each network is kept until the last is trained
    if (folder / "config.json").exists():
        run.resume(folder)
    else:
        remove_unfinished(folder)
        drawn = config.folds if isinstance(config.folds, int) else None
        run.train(dataclasses.replace(config, folds=drawn, valid_fold=number), folder)


def _join(folder: Path, folds: np.ndarray, numbers: list[int]) -> dict[str, Any]:
    """Writes `out_of_fold.tsv`, the validation tables of the folds in the order of the data; gives the figures over it."""
    header: list[str] = []
    table = np.empty(len(folds), object)
    for number in numbers:
        with (folder / f"fold-{number}" / "validation.tsv").open(newline="") as file:
            header, *rows = csv.reader(file, delimiter="\t")
        places = np.flatnonzero(folds == number)
        if len(rows) != len(places):
            raise InputError(f"Expected {len(places)} rows in {file.name}, got {len(rows)}: the data have changed.")
        for place, row in zip(places, rows, strict=True):
            table[place] = [row[0], str(number), *row[1:]]
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([[header[0], "fold", *header[1:]], *table])
    write_text(folder / "out_of_fold.tsv", text.getvalue())
    values = np.array([row[OWN_COLUMNS + 1 :] for row in table], np.float64)
    return _metrics([name.removeprefix("measured_") for name in header[OWN_COLUMNS:]], values, folds, numbers)


def _metrics(names: list[str], values: np.ndarray, folds: np.ndarray, numbers: list[int]) -> dict[str, Any]:
    """Figures over all rows: as many columns measured as predicted."""
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
