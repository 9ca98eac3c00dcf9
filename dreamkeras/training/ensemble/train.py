"""Trains the runs of an ensemble, which differ only in their seeds, each in a separate process. Does not import Keras.

The output folder contains the run folders `seed-0`, `seed-1` and so on, their output in `logs`, and the files of `ensemble.results`.
"""

import contextlib
import dataclasses
import io
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dreamkeras.data.examples import fingerprint
from dreamkeras.errors import DreamkerasError, InputError, counted
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.folders import claim, clear
from dreamkeras.files.inputs import full_path, require_file
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.training.backend import find_backend
from dreamkeras.training.baseline import BEHIND, describe_behind
from dreamkeras.training.config import AUTO, RunConfig
from dreamkeras.training.ensemble.results import write_results
from dreamkeras.training.members.finished import has_run
from dreamkeras.training.members.processes import WORKER, RunProcess, default_parallel, run_processes
from dreamkeras.training.run_data import RunData, assay_of, read_begun, read_data, require_same_data, with_window
from dreamkeras.training.run_folder.new_folder import new_folder, remove_unfinished
from dreamkeras.training.strategy.length import default_size

__all__ = ["train_ensemble"]

NOT_PASSED_ON = ("Error: ", f"Warning: {BEHIND}")
"""Beginnings of lines about a single network. The ensemble itself reports failed runs and the comparison with the baseline."""


def train_ensemble(
    config: RunConfig,
    folder: Path,
    report: Callable[[str], None],
    backend: str | None = None,
    *,
    parallel: int | None = None,
    resume: bool = False,
    worker: Sequence[str] = WORKER,
) -> dict[str, Any]:
    """Trains a run for each seed, and writes the results of their mean to the folder.

    Args:
        config: Configuration that all runs share. The field `ensemble` must be set. To resume with moved data, another length or other
            limits, give the result of `changes.changed`.
        folder: Folder for the results. The folder must be new or empty, unless `resume` is True.
        report: Function that receives the lines that the runs print. The lines of epochs begin with the seed.
        backend: Keras backend of the runs. If None, the backend in `config` or that of `training.backend.find_backend` is used.
        parallel: Number of runs at a time. Defaults to `members.processes.default_parallel()`.
        resume: Whether to resume an ensemble. Finished runs are not trained again, unless their length or a limit has changed.
        worker: See `members.processes.run_processes`.

    Returns:
        The metrics that `ensemble.results.write_results` returns.

    Raises:
        DreamkerasError: The data, the configuration or the folder cannot be used, or a run failed. Other runs are still trained. If no run
            could start, nothing is written.
    """
    require_packages()
    if not config.ensemble:
        raise InputError("Expected a configuration with an ensemble, got ensemble=None.")
    with claim(folder) if resume else new_folder(folder):
        config = _started(config, folder, backend)
        with contextlib.redirect_stderr(io.StringIO()):  # the runs print the same lines about the data
            data = read_data(config)
        if config.ensemble == AUTO:
            config = dataclasses.replace(config, ensemble=default_size(len(data.training), assay_of(config).construct.length))
        config = _with_fingerprint(config, folder, data)
        (folder / "metrics.json").unlink(missing_ok=True)  # without metrics.json, the ensemble is not finished
        config.write(folder / "config.json")
        _train_runs(config, folder, report, parallel or default_parallel(), worker)
        metrics = write_results(config, folder, [folder / _name(seed) for seed in _seeds(config)], data)
        if behind := describe_behind(metrics):
            report(f"Warning: {behind}")
        return metrics


def _started(config: RunConfig, folder: Path, backend: str | None) -> RunConfig:
    """Returns the configuration with the backend, the split and the window that all runs share, and with absolute paths.

    Raises:
        InputError: The data are a stream, or the ensemble was started with another backend.
    """
    for file in filter(None, (*config.files, config.valid, config.test)):
        require_file(file, "every run of the ensemble reads this file")
    running = find_backend(backend or config.backend)
    if config.backend not in (None, running):
        raise InputError(f"Expected backend {config.backend}, because the runs in {folder} were started with it, got {running}.")
    return with_window(dataclasses.replace(config.with_files(full_path), backend=running, split_seed=config.seed_of_split))


def _with_fingerprint(config: RunConfig, folder: Path, data: RunData) -> RunConfig:
    """Returns the configuration with the fingerprint of the data. Compares the data of an ensemble to resume with its fingerprint.

    Raises:
        InputError: The data differ.
    """
    if config.fingerprint is not None:
        require_same_data(data.training, data.validation, config, read_begun(folder / "config.json"), folder)
    return dataclasses.replace(config, fingerprint=fingerprint(data.training, data.validation))


def _seeds(config: RunConfig) -> range:
    return range(config.seed, config.seed + int(config.ensemble or 1))


def _name(seed: int) -> str:
    return f"seed-{seed}"


def minutes_of_run(config: RunConfig, parallel: int) -> float | None:
    """Returns the time limit of each run, so that the whole ensemble has the time limit of its configuration. None without a limit."""
    return config.minutes and config.minutes / -(-len(_seeds(config)) // parallel)


def _train_runs(config: RunConfig, folder: Path, report: Callable[[str], None], parallel: int, worker: Sequence[str]) -> None:
    """Trains the runs that are not finished.

    Raises:
        DreamkerasError: A run failed.
    """
    shared = dataclasses.replace(config, ensemble=None, alternates=(), minutes=minutes_of_run(config, parallel))
    configs = {
        _name(seed): dataclasses.replace(shared, seed=seed, model=network)
        for seed, network in zip(_seeds(config), itertools.cycle(config.networks), strict=False)
    }
    pending = [name for name, choices in configs.items() if not has_run(choices, folder / name)]
    if not pending:
        return
    if len(config.networks) > 1:
        numbers = Counter(choices.model for choices in configs.values())
        report(f"Networks: {', '.join(f'{number} x {network}' for network, number in numbers.items())}.")
    report(f"Finished runs: {len(configs) - len(pending)} of {len(configs)}. Runs at a time: {min(parallel, len(pending))}.")
    with naming_output(str(folder)):
        (folder / "logs").mkdir(exist_ok=True)
    with temporary_folder() as scratch:
        processes = []
        for name in pending:
            configs[name].write(scratch / f"{name}.json")
            processes.append(RunProcess(name, scratch / f"{name}.json", folder / name, folder / "logs" / f"{name}.log", config.backend))
        failures = run_processes(processes, min(parallel, len(pending)), lambda _: None, worker, _Lines(report))
    if failures:
        raise _failure(failures, folder, len(configs))


class _Lines:
    """Passes on the lines of runs. A line that is not about an epoch is passed on once, because the lines of all runs are alike."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report, self._told = report, set[str]()

    def __call__(self, run: RunProcess, line: str) -> None:
        """Passes on a line of a run, unless it begins with one of `NOT_PASSED_ON`."""
        if line.startswith("epoch "):
            self._report(f"{run.name}: {line}")
        elif line and line not in self._told and not line.startswith(NOT_PASSED_ON):
            self._told.add(line)
            self._report(line)


def _failure(failures: dict[str, str], folder: Path, number: int) -> DreamkerasError:
    """Returns the error about failed runs. If no run could start, the files in the folder are deleted."""
    reasons = {name: reason.split("; ", 1)[-1].removeprefix("Error: ") for name, reason in failures.items()}
    if not any((folder / name / "config.json").exists() for name in failures) and len(failures) == number:
        remove_unfinished(folder)
        clear(folder)
        return DreamkerasError(next(iter(reasons.values())))
    first, reason = next(iter(reasons.items()))
    failed = f"{counted(len(failures), 'run')} of {number} failed"
    return DreamkerasError(
        f"{failed}; {first}: {reason.rstrip('.')}. See {folder / 'logs'}. Then run: dreamkeras train --resume --out {folder}"
    )
