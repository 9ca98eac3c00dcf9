"""Rehearses a training run: does everything before the first step, measures the speed of the network, and writes nothing."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
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
from dreamkeras.training.cross_validation import fold_folders
from dreamkeras.training.ensemble.runs import run_configs, with_size
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.learning_curve import nested_subsets, too_small
from dreamkeras.training.members.processes import default_parallel
from dreamkeras.training.run import prepare, speed_of, take_initial_weights
from dreamkeras.training.run_data import RunData, assay_of, names_of_folds, read_data, read_folds, with_window
from dreamkeras.training.run_folder.new_folder import new_folder
from dreamkeras.training.smaller_runs import FOLDER, minutes_of_part
from dreamkeras.training.strategy.length import Speed, fitting_steps
from dreamkeras.training.strategy.plan import Plan, make_plan

__all__ = ["rehearse"]

Report = Callable[[str, str], None]
"""Function that receives a line of the report: a subject and a statement."""

OUTPUTS = (
    *("model.keras", "model.onnx", "README.md", "metrics.json", "history.csv", "validation.tsv", "baseline.tsv", "calibration.json"),
    *("config.json", "plots", "checkpoint"),
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
            fold_folders(folder, folds)  # raises the error of the run if two folds would have the same folder
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
    first = fold_folders(folder, folds)[folds[0]].name if folds else f"seed-{config.seed}" if config.ensemble else ""
    outputs = [*OUTPUTS, *compress(("test.tsv", FOLDER), (data.test is not None, config.learning_curve))]
    report("Output", f"{folder}: {f'{first} and so on with ' if first else ''}{', '.join(outputs)}")


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
    seconds: list[float] = []
    speeds, numbers = [], Counter(config.model for config in runs)
    for config in {config.model: config for config in runs}.values():
        model, plan = prepare(config, data)
        _report_run(model, plan, report)
        if sentence := take_initial_weights(config, model):
            report("Network", sentence.rstrip("."))
        speed, name = speed_of(config, data, model, plan), f" of {config.model}" if len(numbers) > 1 else ""
        steps = _steps_within(config.minutes, speed, plan)
        if steps < plan.steps:
            report("Time limit", f"{counted(steps, 'step')}{name} are expected to fit into {config.minutes:g} min")
        seconds += [speed.seconds(steps, plan.epoch_steps)] * numbers[config.model]
        seconds += _smaller_seconds(config, data.training, model, speed, report)
        speeds.append(f"{speed.step:.3g} s per step and {speed.validation:.3g} s per validation{name}")
    many = f" in {len(seconds)} runs" if len(seconds) > 1 else ""
    report("Time", f"about {describe_duration(sum(seconds))} of training{many}, at {', '.join(speeds)}")


def _steps_within(minutes: float | None, speed: Speed, plan: Plan) -> int:
    """Returns the number of steps of a run with a time limit. None is no limit."""
    return plan.steps if minutes is None else fitting_steps(speed, minutes, plan.steps, plan.epoch_steps)


def _smaller_seconds(config: RunConfig, training: Examples, model: PrixFixe, speed: Speed, report: Report) -> list[float]:
    """Reports the smaller runs of a learning curve, and returns their expected durations. The list is empty without a learning curve."""
    if not config.learning_curve:
        return []
    if reason := too_small(training, config.batch_size, config.seed_of_split):
        report("Warning", reason.rstrip("."))
        return []
    subsets, seconds = nested_subsets(training, config.seed_of_split), []
    for rows in subsets:
        plan = make_plan(config, model, training.select(rows))
        minutes = minutes_of_part(config.minutes, len(rows), len(training))
        seconds.append(speed.seconds(_steps_within(minutes, speed, plan), plan.epoch_steps))
    sizes = " and ".join(f"{len(rows):,}" for rows in subsets)
    report("Smaller runs", f"{sizes} of {len(training):,} training sequences, for the learning curve")
    return seconds


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
