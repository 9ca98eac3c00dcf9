"""The process of one run of a grid: `python -m dreamkeras.training.grid.worker CONFIG FOLDER [CPUS]`.

Begins the run that CONFIG describes in FOLDER, or goes on with the one that is there. It ends when the process that
started it does, even by kill -9: its standard input is a pipe which that process holds open.
"""

import os
import sys
import threading
from pathlib import Path

from dreamkeras.errors import DreamkerasError

__all__ = ["main"]


def main(config: str, folder: str, cpus: str = "") -> int:
    """Trains; gives the exit status. CPUS are the numbers of those to use, with commas; all if empty."""
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    from dreamkeras.training.backend import choose_backend
    from dreamkeras.training.config import RunConfig

    try:
        choices = RunConfig.read(Path(config))
        backend = choose_backend(choices.backend)
        from dreamkeras.training import run

        if (Path(folder) / "config.json").exists():
            run.resume(Path(folder), backend)
        else:
            run.train(choices, Path(folder))
    except DreamkerasError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_code
    return 0


def end_with_parent() -> None:
    """Ends this process as soon as nobody holds the other end of its standard input."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(*sys.argv[1:]))
