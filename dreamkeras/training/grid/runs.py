"""run_grid: the runs of a grid, each in a process and folder of its own; those that are done are never repeated."""

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
from dreamkeras.scoring.cpus import available_cpus
from dreamkeras.training.backend import find_backend
from dreamkeras.training.config import RunConfig
from dreamkeras.training.grid.plan import GridRun
from dreamkeras.training.grid.results import is_finished

__all__ = ["WORKER", "default_parallel", "run_grid"]

# -P: without it, a file in the working folder could pass for one of the packages.
WORKER = (sys.executable, "-P", "-m", "dreamkeras.training.grid.worker")

CPUS_A_RUN = 2
"""Fewest CPUs that a run is given unless asked otherwise: with one, what is not computed waits for what is."""

POLL = 0.2
"""Seconds between two looks at the processes."""

NVIDIA = Path("/proc/driver/nvidia/gpus")


class _Process(NamedTuple):
    """A run that is under way, and the number of its share of the CPUs."""

    run: GridRun
    process: subprocess.Popen[bytes]
    slot: int


def default_parallel(cpus: int | None = None) -> int:
    """Runs at once: one for every two CPUs, but one where there is a GPU, whose memory they would share.

    Args:
        cpus: CPUs there are; by default those that are available to this process.
    """
    if NVIDIA.is_dir() and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1"):
        return 1
    return max(1, (cpus or available_cpus()) // CPUS_A_RUN)


def run_grid(
    runs: Sequence[GridRun], folder: Path, parallel: int, report: Callable[[str], None], worker: Sequence[str] = WORKER
) -> dict[str, str]:
    """Brings every run to its end, or to its failure; an unfinished one goes on from its last checkpoint.

    Writes `runs/NAME`, the run folders; `configs/NAME.json`, what was asked for; `logs/NAME.log`, what each run printed.
    However this process ends, the same call goes on from there; the runs' processes end with it.

    Args:
        runs: The runs.
        folder: Where everything goes.
        parallel: Runs at once.
        report: Told in a line of each run that ends.
        worker: The command that makes a run, which is given the path of its choices, its folder and its CPUs.

    Returns:
        Why runs failed, by name.

    Raises:
        InputError: The folder holds something else than a benchmark, or a run of the same name has begun in it with other choices.
        DreamkerasError: The folder cannot be written.
    """
    if is_taken(folder) and not (folder / "configs").is_dir():
        found = "a training run" if (folder / "config.json").is_file() else "other files"
        raise InputError(f"Expected a new or empty folder, or one of a benchmark, got {folder}, which holds {found}.")
    with claim(folder):
        _write_configs(runs, folder)
        return _run_all(runs, folder, parallel, report, worker)


def _run_all(runs: Sequence[GridRun], folder: Path, parallel: int, report: Callable[[str], None], worker: Sequence[str]) -> dict[str, str]:
    pending = [run for run in runs if not is_finished(folder / "runs" / run.name)]
    report(f"{len(runs) - len(pending)} of {len(runs)} runs are done already, {len(pending)} to go, {parallel} at once.")
    failures: dict[str, str] = {}
    with _killed_at_the_end() as active:
        while pending or active:
            free = sorted(set(range(parallel)) - {process.slot for process in active})
            for slot in free[: len(pending)]:
                active.append(_start(pending.pop(0), folder, slot, parallel, worker))
            time.sleep(POLL)
            for process in [process for process in active if process.process.poll() is not None]:
                active.remove(process)
                _report_end(process, folder, failures, report)
    return failures


def _write_configs(runs: Sequence[GridRun], folder: Path) -> None:
    """Writes down what each run is to be; one that has begun under its name has to have been the same."""
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
            raise InputError(f"Expected the choices that {run.name} in {folder} began with, got {', '.join(changed)}: take another folder.")


@contextmanager
def _killed_at_the_end() -> Iterator[list[_Process]]:
    active: list[_Process] = []
    try:
        yield active
    finally:
        for process in active:
            process.process.kill()
            process.process.communicate()


def _start(run: GridRun, folder: Path, slot: int, parallel: int, worker: Sequence[str]) -> _Process:
    command = [*worker, str(folder / "configs" / f"{run.name}.json"), str(folder / "runs" / run.name), _cpus(slot, parallel)]
    log = folder / "logs" / f"{run.name}.log"
    with naming_output(str(log)), log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=_environment(run, parallel), start_new_session=True
        )
    return _Process(run, process, slot)


def _cpus(slot: int, parallel: int) -> str:
    """The CPUs of a run, so that each backend starts as many threads as it has; empty, for all, if it runs alone."""
    if parallel == 1 or not hasattr(os, "sched_getaffinity"):
        return ""
    cpus = sorted(os.sched_getaffinity(0))
    each = max(1, min(available_cpus(), len(cpus)) // parallel)
    return ",".join(str(cpus[(slot * each + i) % len(cpus)]) for i in range(each))


def _environment(run: GridRun, parallel: int) -> dict[str, str]:
    environment = child_environment(find_backend(run.config.backend))
    if parallel > 1:  # else the first one takes all of a GPU's memory
        environment |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return environment


def _report_end(ended: _Process, folder: Path, failures: dict[str, str], report: Callable[[str], None]) -> None:
    """Reports a process that ended, and notes why it failed if it did."""
    ended.process.communicate()  # closes its standard input
    name, status = ended.run.name, ended.process.returncode
    if status == 0 and is_finished(folder / "runs" / name):
        report(f"{name}: done")
        return
    reason = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    printed = (folder / "logs" / f"{name}.log").read_text(errors="replace").strip()
    failures[name] = f"{reason}; {printed.splitlines()[-1].strip() if printed else 'it printed nothing'}"
    report(f"{name}: failed, {failures[name]}")
