"""Executes the runs of a grid, each in a separate process and folder. Finished runs are not repeated."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.folders import claim, is_taken
from dreamkeras.files.outputs import naming_output
from dreamkeras.training.config import RunConfig
from dreamkeras.training.grid.plan import GridRun
from dreamkeras.training.members.finished import is_finished
from dreamkeras.training.members.processes import WORKER, RunProcess, run_processes

__all__ = ["run_grid"]


def run_grid(
    runs: Sequence[GridRun], folder: Path, parallel: int, report: Callable[[str], None], worker: Sequence[str] = WORKER
) -> dict[str, str]:
    """Executes all runs that are not finished. Interrupted runs resume from their last checkpoint.

    The folder contains the run folders `runs/NAME`, the configurations `configs/NAME.json`, and the output of the runs `logs/NAME.log`. If
    the process that calls the function ends for any reason, the processes of the runs also end. To resume the runs, call the function again
    with the same arguments.

    Args:
        runs: Runs of the grid.
        folder: Folder of the grid.
        parallel: Number of runs at a time.
        report: Function that receives a line of text when a run ends.
        worker: Command that executes a run. The path of the configuration, the run folder and the CPUs are appended as arguments.

    Returns:
        Names of the failed runs, and the reason for each failure.

    Raises:
        InputError: The folder contains files that do not belong to a benchmark. The error is also raised if the folder contains a run with
            the same name and another configuration.
        DreamkerasError: The folder cannot be written.
    """
    if is_taken(folder) and not (folder / "configs").is_dir():
        found = "a training run" if (folder / "config.json").is_file() else "other files"
        raise InputError(f"The folder {folder} contains {found}. Choose a new folder, an empty folder or the folder of a benchmark.")
    with claim(folder):
        _write_configs(runs, folder)
        return _run_all(runs, folder, parallel, report, worker)


def _run_all(runs: Sequence[GridRun], folder: Path, parallel: int, report: Callable[[str], None], worker: Sequence[str]) -> dict[str, str]:
    pending = [run for run in runs if not is_finished(folder / "runs" / run.name)]
    parallel = max(1, min(parallel, len(pending)))  # otherwise, CPUs would be left without a run
    report(f"Finished runs: {len(runs) - len(pending)} of {len(runs)}. Runs at a time: {parallel}.")
    processes = [
        RunProcess(run.name, folder / "configs" / f"{run.name}.json", folder / "runs" / run.name, _log(folder, run), run.config.backend)
        for run in pending
    ]
    return run_processes(processes, parallel, report, worker)


def _log(folder: Path, run: GridRun) -> Path:
    return folder / "logs" / f"{run.name}.log"


def _write_configs(runs: Sequence[GridRun], folder: Path) -> None:
    """Writes the configurations of all runs. Raises an error if a run was started with another configuration."""
    with naming_output(str(folder)):
        for name in ("configs", "logs", "runs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    for run in runs:
        path = folder / "configs" / f"{run.name}.json"
        if not (path.exists() and (folder / "runs" / run.name).exists()):
            run.config.write(path)
            continue
        asked, was = dataclasses.asdict(run.config), dataclasses.asdict(RunConfig.read(path))
        if changed := [f"{name} {asked[name]} (was {was[name]})" for name in asked if asked[name] != was[name]]:
            raise InputError(
                f"The options of {run.name} in {folder} have changed since the run was started: {', '.join(changed)}. "
                "Choose another folder."
            )
