"""Trains the runs of an ensemble, which differ only in their seeds, each in a separate process. Does not import Keras.

The output folder contains the run folders `seed-0`, `seed-1` and so on, their output in `logs`, and the files of `ensemble.results`.
"""

import contextlib
import dataclasses
import io
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
from dreamkeras.training.config import RunConfig
from dreamkeras.training.ensemble.results import write_results
from dreamkeras.training.ensemble.runs import run_configs, with_size
from dreamkeras.training.epochs.trained_length import require_length_of_runs
from dreamkeras.training.fingerprints import require_same_data, require_same_test, test_fingerprint
from dreamkeras.training.members.finished import has_run, store_limit, store_paths
from dreamkeras.training.members.processes import WORKER, RunProcess, default_parallel, run_processes
from dreamkeras.training.run_data import RunData, read_begun, read_data, with_window
from dreamkeras.training.run_folder.new_folder import new_folder, remove_unfinished

__all__ = ["train_ensemble"]

NOT_PASSED_ON = ("Error: ", f"Warning: {BEHIND}")
"""Beginnings of lines about a single network. The ensemble itself reports failed runs and the comparison with the baseline."""

OF_ONE_RUN = ("epoch ", "Kept epoch ", "Expected time: ")
"""Beginnings of lines that differ between runs. They are printed after the name of the run."""


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
        report: Function that receives the lines that the runs print. Lines that differ between runs begin with the name of the run.
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
    parallel = parallel or default_parallel()
    if not config.ensemble:
        raise InputError("Expected a configuration with an ensemble, got ensemble=None.")
    with claim(folder) if resume else new_folder(folder):
        config = _started(config, folder, backend)
        with contextlib.redirect_stderr(io.StringIO()):  # the runs print the same lines about the data
            data = read_data(config)
        config = _with_fingerprint(with_size(config, data), folder, data)
        require_length_of_runs(config, folder.glob("seed-*"))
        runs = _configs(config, folder, parallel)
        (folder / "metrics.json").unlink(missing_ok=True)  # without metrics.json, the ensemble is not finished
        config.write(folder / "config.json")
        if failures := _train_runs(config, runs, folder, report, parallel, worker):
            raise _failure(failures, folder, len(runs), resume)
        metrics = write_results(config, folder, [folder / name for name in runs], data)
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
    """Returns the configuration with the fingerprints of the data. Compares the data of an ensemble to resume with its fingerprints.

    Raises:
        InputError: The data differ.
    """
    if config.fingerprint is not None:
        begun = read_begun(folder / "config.json")
        require_same_data(data.training, data.validation, config, begun, folder)
        require_same_test(data.test, config, begun, folder)
    known, tested = fingerprint(data.training, data.validation), test_fingerprint(data.test)
    return dataclasses.replace(config, fingerprint=known, test_fingerprint=tested)


def _configs(config: RunConfig, folder: Path, parallel: int) -> dict[str, RunConfig]:
    """Returns the configuration of each run by name.

    If an ensemble is resumed with the same time limit, runs that were started before keep their time limits, which depend on `parallel`.
    Another time limit is stored in these runs before any run is trained, so that an interruption does not lose the change.
    """
    configs, stored = run_configs(config, parallel), folder / "config.json"
    begun = {name for name in configs if (folder / name / "config.json").exists()}
    if stored.exists() and RunConfig.read(stored).minutes != config.minutes:
        for name in begun:
            store_limit(configs[name].minutes, folder / name)
    return {name: dataclasses.replace(choices, minutes=None) if name in begun else choices for name, choices in configs.items()}


def _train_runs(
    config: RunConfig,
    configs: dict[str, RunConfig],
    folder: Path,
    report: Callable[[str], None],
    parallel: int,
    worker: Sequence[str],
) -> dict[str, str]:
    """Trains the runs that are not finished. Finished runs store the paths of the data, which may have moved.

    Returns:
        Names of the failed runs, and the reason for each failure.
    """
    pending = [name for name, choices in configs.items() if not has_run(choices, folder / name)]
    for name in configs.keys() - pending:
        store_paths(configs[name], folder / name)
    if not pending:
        return {}
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
        return run_processes(processes, min(parallel, len(pending)), lambda _: None, worker, _Lines(report))


class _Lines:
    """Passes on the lines of runs. Lines that do not begin with one of `OF_ONE_RUN` are passed on once, because all runs print them."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report, self._passed = report, set[str]()

    def __call__(self, run: RunProcess, line: str) -> None:
        """Passes on a line of a run, unless it begins with one of `NOT_PASSED_ON`."""
        if line.startswith(OF_ONE_RUN):
            self._report(f"{run.name}: {line}")
        elif line and line not in self._passed and not line.startswith(NOT_PASSED_ON):
            self._passed.add(line)
            self._report(line)


def _failure(failures: dict[str, str], folder: Path, number: int, resumed: bool) -> DreamkerasError:
    """Returns the error about failed runs. If no run of a new ensemble could start, the files in the folder are deleted."""
    reasons = {name: reason.split("; ", 1)[-1].removeprefix("Error: ") for name, reason in failures.items()}
    if not resumed and len(failures) == number and not any((folder / name / "config.json").exists() for name in failures):
        remove_unfinished(folder)
        clear(folder)
        return DreamkerasError(next(iter(reasons.values())))
    first, reason = next(iter(reasons.items()))
    failed = f"{counted(len(failures), 'run')} of {number} failed"
    return DreamkerasError(
        f"{failed}; {first}: {reason.rstrip('.')}. See {folder / 'logs'}. Then run: dreamkeras train --resume --out {folder}"
    )
