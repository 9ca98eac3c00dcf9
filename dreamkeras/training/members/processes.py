"""Executes several runs, each in a separate process and folder. Does not import Keras, so that each process can use all memory of a GPU."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from dreamkeras.export.keras_settings import child_environment
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.scoring.cpus import available_cpus
from dreamkeras.training.backend import find_backend
from dreamkeras.training.members.finished import is_finished
from dreamkeras.training.members.memory import available_memory

__all__ = ["WORKER", "RunProcess", "default_parallel", "run_processes"]

# Without -P, a file in the working directory could be imported instead of a package.
WORKER = (sys.executable, "-P", "-m", "dreamkeras.training.worker")

POLL = 0.2
"""Interval in seconds at which the processes are polled."""

MEMORY_A_RUN = 2 << 30
"""Memory in bytes for each run. A process that trains a small network on TensorFlow uses about 1 GiB."""

NVIDIA = Path("/proc/driver/nvidia/gpus")


class RunProcess(NamedTuple):
    """One of several runs.

    Args:
        name: Name of the run in messages.
        config: File with the configuration of the run, as written by `RunConfig.write`.
        folder: Run folder. A run that was interrupted is resumed.
        log: File to which the output of the process is appended.
        backend: Keras backend of the run. If None, the backend is that of `training.backend.find_backend`.
    """

    name: str
    config: Path
    folder: Path
    log: Path
    backend: str | None = None


class _Active(NamedTuple):
    """Active run with its process, the index of its group of CPUs, and its log, open for reading after its earlier contents."""

    run: RunProcess
    process: subprocess.Popen[bytes]
    slot: int
    printed: IO[bytes]


def default_parallel(cpus: int | None = None) -> int:
    """Returns the default number of runs at a time: one for each CPU and every 2 GiB of available memory, but at least one.

    Two simultaneous runs with one CPU each take less time than two consecutive runs with two CPUs. If there is a GPU, the number is 1,
    because simultaneous runs would share its memory.

    Args:
        cpus: Number of CPUs. Defaults to the number of CPUs that are available to the current process.
    """
    if NVIDIA.is_dir() and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1"):
        return 1
    memory = available_memory()
    fitting = [cpus or available_cpus(), *([] if memory is None else [memory // MEMORY_A_RUN])]
    return max(1, min(fitting))


def run_processes(
    runs: Sequence[RunProcess],
    parallel: int,
    report: Callable[[str], None],
    worker: Sequence[str] = WORKER,
    follow: Callable[[RunProcess, str], None] = lambda _run, _line: None,
) -> dict[str, str]:
    """Executes runs, each in a separate process. If the process that calls the function ends for any reason, the other processes also end.

    Args:
        runs: Runs that are not finished, in the order in which they start.
        parallel: Number of runs at a time.
        report: Function that receives a line of text when a run ends.
        worker: Command that executes a run. The path of the configuration, the run folder and the CPUs are appended as arguments.
        follow: Function that receives each line that a run prints.

    Returns:
        Names of the failed runs, and the reason for each failure.

    Raises:
        DreamkerasError: A log cannot be written.
    """
    pending = list(runs)
    failures: dict[str, str] = {}
    with temporary_folder() as scratch, _killed_at_the_end() as active:
        while pending or active:
            free = sorted(set(range(parallel)) - {process.slot for process in active})
            for slot in free[: len(pending)]:
                active.append(_start(pending.pop(0), slot, parallel, worker, scratch))
            time.sleep(POLL)
            ended = [process for process in active if process.process.poll() is not None]
            for process in active:
                _follow(process, follow)
            for process in ended:
                active.remove(process)
                _report_end(process, failures, report)
    return failures


@contextmanager
def _killed_at_the_end() -> Iterator[list[_Active]]:
    active: list[_Active] = []
    try:
        yield active
    finally:
        for process in active:
            process.process.kill()
            process.process.communicate()
            process.printed.close()


def _start(run: RunProcess, slot: int, parallel: int, worker: Sequence[str], scratch: Path) -> _Active:
    command = [*worker, str(run.config), str(run.folder), _cpus(slot, parallel)]
    environment = _environment(run.backend, parallel) | {"TMPDIR": str(scratch)}
    with ExitStack() as stack:
        with naming_output(str(run.log)):
            output, printed = (stack.enter_context(run.log.open(mode)) for mode in ("ab", "rb"))
            printed.seek(0, os.SEEK_END)
        # Outside `naming_output`, because an error about starting a process is not about the log.
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment, start_new_session=True
        )
        stack.pop_all()
    output.close()
    return _Active(run, process, slot, printed)


def _cpus(slot: int, parallel: int) -> str:
    """Returns the numbers of the CPUs for a run, separated by commas. The process of the run uses only these CPUs.

    If only one run is executed at a time, returns an empty string, and the run uses all CPUs.
    """
    if parallel == 1 or not hasattr(os, "sched_getaffinity"):
        return ""
    cpus = sorted(os.sched_getaffinity(0))
    each = max(1, min(available_cpus(), len(cpus)) // parallel)
    return ",".join(str(cpus[(slot * each + i) % len(cpus)]) for i in range(each))


def _environment(backend: str | None, parallel: int) -> dict[str, str]:
    environment = child_environment(find_backend(backend))
    if parallel > 1:  # otherwise, the first run would allocate all memory of a GPU
        environment |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return environment


def _follow(process: _Active, follow: Callable[[RunProcess, str], None]) -> None:
    """Passes on the lines that a process has printed since the last call. An incomplete line is passed on when it is complete."""
    while line := process.printed.readline():
        if not line.endswith(b"\n"):
            process.printed.seek(-len(line), os.SEEK_CUR)
            return
        follow(process.run, line.decode("utf-8", "replace").rstrip())


def _report_end(ended: _Active, failures: dict[str, str], report: Callable[[str], None]) -> None:
    """Reports a process that ended, and records the reason if the run failed."""
    ended.process.communicate()  # closes its standard input
    ended.printed.close()
    name, status = ended.run.name, ended.process.returncode
    if status == 0 and is_finished(ended.run.folder):
        report(f"{name}: finished")
        return
    reason = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    printed = ended.run.log.read_text("utf-8", "replace").strip()
    failures[name] = f"{reason}; {printed.splitlines()[-1].strip() if printed else 'no output'}"
    report(f"{name}: failed, {failures[name]}")
