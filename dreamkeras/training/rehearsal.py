"""Rehearses a training run: does everything before the first step, measures the speed of the network, and writes nothing."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dreamkeras.data.assays.table_columns import describe_columns
from dreamkeras.data.examples import Examples
from dreamkeras.errors import counted
from dreamkeras.export.keras_settings import pinned_settings
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.inputs import file_name, rereadable
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.models.sizes import trainable_parameters
from dreamkeras.training.backend import running_backend
from dreamkeras.training.config import RunConfig
from dreamkeras.training.ensemble.runs import run_configs, with_size
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.members.processes import default_parallel
from dreamkeras.training.run import prepare, speed_of
from dreamkeras.training.run_data import RunData, assay_of, names_of_folds, read_data, read_folds, with_window
from dreamkeras.training.run_folder.new_folder import new_folder
from dreamkeras.training.strategy.length import fitting_steps
from dreamkeras.training.strategy.plan import Plan

__all__ = ["rehearse"]

Report = Callable[[str, str], None]
"""Function that receives a line of the report: a subject and a statement."""

OUTPUTS = (
    "model.keras, model.onnx, README.md, metrics.json, history.csv, validation.tsv, baseline.tsv, calibration.json, config.json, plots, "
    "checkpoint"
)


@pinned_settings()
def rehearse(config: RunConfig, folder: Path, report: Report, parallel: int | None = None) -> None:
    """Reads the data of a run, divides them as the run would, builds its network and measures its speed.

    Args:
        config: Configuration of a run, of an ensemble or of a cross-validation. An ensemble is rehearsed with a run of each of its
            networks, and a cross-validation with its first fold.
        folder: Run folder, which does not remain.
        report: Function that receives the lines of the report.
        parallel: Number of runs of an ensemble at a time. Defaults to `members.processes.default_parallel()`.

    Raises:
        DreamkerasError: The run would fail with this error.
    """
    require_packages()
    with new_folder(folder):  # raises the error of the run if the folder cannot be created, and leaves nothing behind
        pass
    config = dataclasses.replace(config, backend=running_backend(config.backend))
    with rereadable(*config.files, config.valid, config.test):
        config = with_window(config)
        folds = names_of_folds(read_folds(config)[0].examples)[1] if config.is_cross_validation else []
        if folds:
            drawn = config.folds if isinstance(config.folds, int) else None
            config = dataclasses.replace(config, folds=drawn, valid_fold=folds[0])
        data = read_data(config)
        _report_data(config, data, report)
    if folds:
        report("Folds", f"{len(folds)}. The lines below describe the run that validates on fold {folds[0]}")
    _report_division(assay_of(config).tasks, data, report)
    if config.ensemble:
        runs = list(run_configs(with_size(config, data), parallel or default_parallel()).values())
    else:
        runs = [config] * (len(folds) or 1)
    _report_runs(runs, data, report)
    first = f"fold-{folds[0]} and so on with " if folds else f"seed-{config.seed} and so on with " if config.ensemble else ""
    report("Output", f"{folder}: {first}{OUTPUTS}")


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
    parts = f"{counted(len(training), 'sequence')} for training, {len(validation):,} for validation"
    division = data.hold_out.describe_draw() if data.hold_out else parts
    for sentence in filter(None, (division, data.common, *data.test_notes)):
        report("Hold-out", sentence.rstrip("."))
    for column, task in enumerate(tasks):
        for kind, examples in (("training", training), ("validation", validation)):
            report("Values", f"{task}, {kind}: {_describe_values(examples, column)}")
    if data.advice:
        report("Warning", data.advice.rstrip("."))


def _report_runs(runs: Sequence[RunConfig], data: RunData, report: Report) -> None:
    """Reports the networks, steps and time limits of runs, and the expected time of all runs together."""
    seconds, speeds, numbers = 0.0, [], Counter(config.model for config in runs)
    for config in {config.model: config for config in runs}.values():
        model, plan = prepare(config, data)
        _report_run(model, plan, report)
        speed, steps, name = speed_of(config, data, model, plan), plan.steps, f" of {config.model}" if len(numbers) > 1 else ""
        if config.minutes is not None:
            steps = fitting_steps(speed, config.minutes, plan.steps, plan.epoch_steps)
            if steps < plan.steps:
                report("Time limit", f"{counted(steps, 'step')}{name} are expected to fit into {config.minutes:g} min")
        seconds += numbers[config.model] * speed.seconds(steps, plan.epoch_steps)
        speeds.append(f"{speed.step:.3g} s per step and {speed.validation:.3g} s per validation{name}")
    many = f" in {len(runs)} runs" if len(runs) > 1 else ""
    report("Time", f"about {describe_duration(seconds)} of training{many}, at {', '.join(speeds)}")


def _report_run(model: PrixFixe, plan: Plan, report: Report) -> None:
    report("Network", f"{model.name} with {trainable_parameters(model):,} trainable parameters, window of {model.construct.length} bases")
    steps = f"{counted(plan.steps, 'step')} of {counted(plan.batch_size, 'example')} in {counted(plan.epochs, 'epoch')}"
    report("Steps", f"{steps}, strategy {plan.strategy.name}, peak learning rate {plan.strategy.learning_rate:g}")


def _describe_values(examples: Examples, column: int) -> str:
    """Returns the number of values of a task, their mean and their standard deviation."""
    values = examples.targets[:, column].astype(np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return "no values"
    return f"{counted(len(values), 'value')}, mean {values.mean():.4g}, standard deviation {values.std():.4g}"
