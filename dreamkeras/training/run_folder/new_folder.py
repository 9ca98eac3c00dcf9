"""Run folders before and after a kill: whether a name is free, and what a killed process left.

Imports no Keras: a refusal need not wait for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.folders import LOCK, UNFINISHED, claim, clear, is_taken

__all__ = ["check_free", "new_folder", "remove_unfinished"]


def check_free(folder: Path) -> None:
    """Refuses a folder that holds something.

    Raises:
        InputError: It does.
        DreamkerasError: Another process is filling it.
    """
    if is_taken(folder):
        if (folder / LOCK).is_file():
            with claim(folder):  # raises unless it was left by a killed process
                pass
        raise InputError(f"Expected a new or empty folder, got {folder}: go on with a run in it by --resume, or take another name.")


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Holds a folder in which nothing has begun yet; a start that writes nothing leaves none behind.

    Raises:
        InputError: It holds something.
        DreamkerasError: Another process holds it.
    """
    check_free(folder)
    with claim(folder):
        check_free(folder)  # of a process that has ended meanwhile
        yield


def remove_unfinished(folder: Path) -> None:
    """Removes the files and folders that a killed process left unfinished in a run folder: each may be as large as a checkpoint."""
    for path in folder.rglob(UNFINISHED):
        clear(path)
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
