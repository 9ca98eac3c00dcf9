"""Rehearses a training run: does everything before the first step, measures the speed of the network, and writes nothing."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dreamkeras.data.assays.table_columns import describe_columns
from dreamkeras.data.examples import Examples
from dreamkeras.errors import InputError, counted
from dreamkeras.export.keras_settings import pinned_settings
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.inputs import file_name, rereadable
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.models.sizes import trainable_parameters
from dreamkeras.training.backend import running_backend
from dreamkeras.training.config import AUTO, RunConfig
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.run import prepare, speed_of
from dreamkeras.training.run_data import RunData, assay_of, read_data, read_folds, with_window
from dreamkeras.training.run_folder.new_folder import new_folder
from dreamkeras.training.strategy.length import Speed, default_size, fitting_steps
from dreamkeras.training.strategy.plan import Plan

__all__ = ["rehearse"]

Report = Callable[[str, str], None]
"""Function that receives a line of the report: a subject and a statement."""

OUTPUTS = "model.keras, model.onnx, README.md, metrics.json, history.csv, validation.tsv, calibration.json, config.json, plots, checkpoint"


@pinned_settings()
def rehearse(config: RunConfig, folder: Path, report: Report) -> None:
    """Reads the data of a run, divides them as the run would, builds its network and measures its speed.

    Args:
        config: Configuration of a run or of a cross-validation. A cross-validation is rehearsed with its first fold.
        folder: Run folder, which does not remain.
        report: Function that receives the lines of the report.

    Raises:
        DreamkerasError: The run would fail with this error.
    """
    require_packages()
    with new_folder(folder):  # raises the error of the run if the folder cannot be created, and leaves nothing behind
        pass
    config = dataclasses.replace(config, backend=running_backend(config.backend))
    with rereadable(*config.files, config.valid, config.test):
        config = with_window(config)
        folds = _folds(config) if config.is_cross_validation else []
        if folds:
            drawn = config.folds if isinstance(config.folds, int) else None
            config = dataclasses.replace(config, folds=drawn, valid_fold=folds[0])
        data = read_data(config)
        _report_data(config, data, report)
    if folds:
        report("Folds", f"{len(folds)}. The lines below describe the run that validates on fold {folds[0]}")
    _report_division(assay_of(config).tasks, data, report)
    model, plan = prepare(config, data)
    _report_run(model, plan, report)
    _report_time(config, plan, speed_of(config, data, model, plan), _runs(config, data, folds), report)
    report("Output", f"{folder}: {f'fold-{folds[0]} and so on with ' if folds else ''}{OUTPUTS}")


def _runs(config: RunConfig, data: RunData, folds: list[int | str]) -> int:
    """Returns the number of runs of a cross-validation or of an ensemble, otherwise 1."""
    if config.ensemble == AUTO:
        return default_size(len(data.training), assay_of(config).construct.length)
    return len(folds) or int(config.ensemble or 1)


def _folds(config: RunConfig) -> list[int | str]:
    """Returns the folds of a cross-validation."""
    folds = read_folds(config)[0].examples.folds
    if folds is None:
        raise InputError("The data have no fold column. Set folds to a number, so that the folds are drawn at random.")
    return list(np.unique(folds).tolist())


def _report_data(config: RunConfig, data: RunData, report: Report) -> None:
    if config.data is None:
        report("Input", f"{counted(config.simulated or 0, 'simulated promoter')}")
    for sentence in filter(None, data.read):
        report("Input", sentence.rstrip("."))
    if config.table:
        for file in config.files:
            report("Columns", f"{describe_columns(config.table, file)} of {file_name(file)}")
    if data.weights:
        report("Weights", data.weights)


def _report_division(tasks: tuple[str, ...], data: RunData, report: Report) -> None:
    training, validation = data.training, data.validation
    share = len(validation) / (len(training) + len(validation))
    report("Hold-out", f"{counted(len(training), 'sequence')} for training, {len(validation):,} for validation ({share:.1%})")
    for sentence in (data.hold_out.describe() if data.hold_out else "", data.common, *data.test_notes):
        if sentence:
            report("Hold-out", sentence.rstrip("."))
    for column, task in enumerate(tasks):
        for kind, examples in (("training", training), ("validation", validation)):
            report("Values", f"{task}, {kind}: {_describe_values(examples, column)}")


def _report_run(model: PrixFixe, plan: Plan, report: Report) -> None:
    report("Network", f"{model.name} with {trainable_parameters(model):,} trainable parameters, window of {model.construct.length} bases")
    steps = f"{counted(plan.steps, 'step')} of {counted(plan.batch_size, 'example')} in {counted(plan.epochs, 'epoch')}"
    report("Steps", f"{steps}, strategy {plan.strategy.name}, peak learning rate {plan.strategy.learning_rate:g}")


def _report_time(config: RunConfig, plan: Plan, speed: Speed, runs: int, report: Report) -> None:
    """Reports the expected time of a run, and the number of steps that fit into its time limit."""
    steps = plan.steps
    if config.minutes is not None:
        steps = fitting_steps(speed, config.minutes, plan.steps, plan.epoch_steps)
        if steps < plan.steps:
            report("Time limit", f"{counted(steps, 'step')} are expected to fit into {config.minutes:g} min")
    time = f"about {describe_duration(runs * speed.seconds(steps, plan.epoch_steps))} of training"
    many = f" in {runs} runs" if runs > 1 else ""
    report("Time", f"{time}{many}, at {speed.step:.3g} s per step and {speed.validation:.3g} s per validation")


def _describe_values(examples: Examples, column: int) -> str:
    """Returns the number of values of a task, their mean and their standard deviation."""
    values = examples.targets[:, column].astype(np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return "no values"
    return f"{counted(len(values), 'value')}, mean {values.mean():.4g}, standard deviation {values.std():.4g}"
