"""Executes one of several runs in a separate process: `python -m dreamkeras.training.worker CONFIG FOLDER [CPUS]`.

The process starts the run with the configuration CONFIG in FOLDER, or resumes the run if it was interrupted. The process ends when its
parent process ends, even after kill -9, because its standard input is a pipe that the parent keeps open.
"""

import os
import sys
from pathlib import Path

from dreamkeras.errors import DreamkerasError
from dreamkeras.export.child_process import end_with_parent

__all__ = ["main"]


def main(config: str, folder: str, cpus: str = "") -> int:
    """Trains the run, or resumes an interrupted run.

    Args:
        config: Path of the configuration.
        folder: Run folder.
        cpus: Comma-separated numbers of the CPUs to use. If the string is empty, all CPUs are used.

    Returns:
        Exit status of the process.
    """
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    from dreamkeras.training.backend import choose_backend
    from dreamkeras.training.config import RunConfig
    from dreamkeras.training.ensemble.train import train_ensemble

    try:
        choices = RunConfig.read(Path(config))
        if choices.ensemble:
            train_ensemble(choices, Path(folder), print, parallel=1, resume=(Path(folder) / "config.json").exists())
            return 0
        backend = choose_backend(choices.backend)
        from dreamkeras.training.members.member import train_member

        train_member(choices, Path(folder), backend)
    except DreamkerasError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(*sys.argv[1:]))
