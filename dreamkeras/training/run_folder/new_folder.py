"""Checks that a run folder is new or empty, and removes the unfinished files of an interrupted process.

The module does not import Keras, so that a folder with files is rejected immediately.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.folders import LOCK, UNFINISHED, claim, clear, is_taken

__all__ = ["check_free", "new_folder", "remove_unfinished"]


def check_free(folder: Path) -> None:
    """Raises an error if a folder is not new or empty.

    Raises:
        InputError: The folder holds files.
        DreamkerasError: Another process is writing to the folder.
    """
    if is_taken(folder):
        if (folder / LOCK).is_file():
            with claim(folder):  # raises an error if another process has locked the folder
                pass
        raise InputError(
            f"Expected a new or empty folder, got '{folder}'. Resume a run in the folder with --resume, or choose another name."
        )


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Context manager that locks a new or empty folder. The folder is removed at the end if nothing was written.

    Raises:
        InputError: The folder holds files.
        DreamkerasError: Another process has locked the folder.
    """
    check_free(folder)
    with claim(folder):
        check_free(folder)  # checked again, because another process may have written to the folder before it was locked
        yield


def remove_unfinished(folder: Path) -> None:
    """Removes unfinished files and folders of an interrupted process from a run folder.

    Unfinished files can be as large as a checkpoint.
    """
    for path in folder.rglob(UNFINISHED):
        clear(path)
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
