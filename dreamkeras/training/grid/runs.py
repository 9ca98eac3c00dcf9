"""Executes the runs of a grid, each in a separate process and folder. Finished runs are not repeated."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dreamkeras.errors import InputError
from dreamkeras.export.keras_settings import child_environment
from dreamkeras.files.folders import claim, is_taken
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.scoring.cpus import available_cpus
from dreamkeras.training.backend import find_backend
from dreamkeras.training.config import RunConfig
from dreamkeras.training.grid.plan import GridRun
from dreamkeras.training.grid.results import is_finished

__all__ = ["WORKER", "default_parallel", "run_grid"]

# Without -P, a file in the working directory could be imported instead of a package.
WORKER = (sys.executable, "-P", "-m", "dreamkeras.training.grid.worker")

CPUS_A_RUN = 2
"""Default number of CPUs for each run. With a single CPU, data preparation and other work would delay the computation."""

POLL = 0.2
"""Interval in seconds at which the processes are polled."""

NVIDIA = Path("/proc/driver/nvidia/gpus")


class _Process(NamedTuple):
    """Active run with its process and the index of its group of CPUs."""

    run: GridRun
    process: subprocess.Popen[bytes]
    slot: int


def default_parallel(cpus: int | None = None) -> int:
    """Returns the default number of runs at a time: one for every two CPUs.

    If there is a GPU, the number is 1, because simultaneous runs would share its memory.

    Args:
        cpus: Number of CPUs. Defaults to the number of CPUs that are available to the current process.
    """
    if NVIDIA.is_dir() and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1"):
        return 1
    return max(1, (cpus or available_cpus()) // CPUS_A_RUN)


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
    report(f"Finished runs: {len(runs) - len(pending)} of {len(runs)}. Runs at a time: {parallel}.")
    failures: dict[str, str] = {}
    with temporary_folder() as scratch, _killed_at_the_end() as active:
        while pending or active:
            free = sorted(set(range(parallel)) - {process.slot for process in active})
            for slot in free[: len(pending)]:
                active.append(_start(pending.pop(0), folder, slot, parallel, worker, scratch))
            time.sleep(POLL)
            for process in [process for process in active if process.process.poll() is not None]:
                active.remove(process)
                _report_end(process, folder, failures, report)
    return failures


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


@contextmanager
def _killed_at_the_end() -> Iterator[list[_Process]]:
    active: list[_Process] = []
    try:
        yield active
    finally:
        for process in active:
            process.process.kill()
            process.process.communicate()


def _start(run: GridRun, folder: Path, slot: int, parallel: int, worker: Sequence[str], scratch: Path) -> _Process:
    command = [*worker, str(folder / "configs" / f"{run.name}.json"), str(folder / "runs" / run.name), _cpus(slot, parallel)]
    environment = _environment(run, parallel) | {"TMPDIR": str(scratch)}
    log = folder / "logs" / f"{run.name}.log"
    with naming_output(str(log)):
        output = log.open("ab")
    with output:  # outside `naming_output`, because an error about starting a process is not about the log
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    return _Process(run, process, slot)


def _cpus(slot: int, parallel: int) -> str:
    """Returns the numbers of the CPUs for a run, separated by commas. The process of the run uses only these CPUs.

    If only one run is executed at a time, returns an empty string, and the run uses all CPUs.
    """
    if parallel == 1 or not hasattr(os, "sched_getaffinity"):
        return ""
    cpus = sorted(os.sched_getaffinity(0))
    each = max(1, min(available_cpus(), len(cpus)) // parallel)
    return ",".join(str(cpus[(slot * each + i) % len(cpus)]) for i in range(each))


def _environment(run: GridRun, parallel: int) -> dict[str, str]:
    environment = child_environment(find_backend(run.config.backend))
    if parallel > 1:  # otherwise, the first run would allocate all memory of a GPU
        environment |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return environment


def _report_end(ended: _Process, folder: Path, failures: dict[str, str], report: Callable[[str], None]) -> None:
    """Reports a process that ended, and records the reason if the run failed."""
    ended.process.communicate()  # closes its standard input
    name, status = ended.run.name, ended.process.returncode
    if status == 0 and is_finished(folder / "runs" / name):
        report(f"{name}: finished")
        return
    reason = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    printed = (folder / "logs" / f"{name}.log").read_text("utf-8", "replace").strip()
    failures[name] = f"{reason}; {printed.splitlines()[-1].strip() if printed else 'no output'}"
    report(f"{name}: failed, {failures[name]}")
