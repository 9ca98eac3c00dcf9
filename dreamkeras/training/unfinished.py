"""Run folders before and after a kill: whether a name is free, and what a killed process left.

Imports no Keras: a refusal need not wait for it.
"""

from pathlib import Path

from dreamkeras.errors import InputError

__all__ = ["check_free", "is_taken", "remove_unfinished"]

UNFINISHED = ".dreamkeras-*.tmp"
"""What `open_output` leaves of a file when its process is killed."""


def is_taken(folder: Path) -> bool:
    """Whether there is something that is no empty folder; what a killed process left unfinished does not count."""
    if not folder.is_dir():
        return folder.exists()
    return any(not path.match(UNFINISHED) for path in folder.iterdir())


def check_free(folder: Path) -> None:
    """Refuses a folder that holds something.

    Raises:
        InputError: It does.
    """
    if is_taken(folder):
        raise InputError(f"Expected a new or empty folder, got {folder}: go on with a run in it by --resume, or take another name.")


def remove_unfinished(folder: Path) -> None:
    """Removes the files that a killed process left unfinished in a run folder: each may be as large as a checkpoint."""
    for path in folder.rglob(UNFINISHED):
        path.unlink(missing_ok=True)
