"""Creates and locks output folders.

Only one process at a time can write to a folder, and a new folder gets its name only when it is complete.

This module does not depend on the content of the folders.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dreamkeras.errors import DreamkerasError
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.temporary import derived_name

try:
    import fcntl
except ImportError:  # Windows has no fcntl, so folders are not locked.
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "UNFINISHED", "claim", "clear", "is_taken", "open_folder", "require_empty", "require_held"]

LOCK = ".dreamkeras.lock"
"""Name of the lock file in a folder. The process that writes to the folder locks this file.

The lock is released when the process ends, even if the process is killed and the lock file remains.
"""

UNFINISHED = ".dreamkeras-*.tmp"
"""Pattern of the temporary files and folders that a killed process may leave behind."""

TRIES = 100

_held: dict[int, Path] = {}
"""Folders that this process has locked, by the file descriptor of the lock file in the folder."""


@contextmanager
def claim(folder: Path, name: str | Path | None = None) -> Iterator[None]:
    """Locks a folder for this process during a `with` block.

    A missing folder is created, and is removed at the end if it is empty. The kernel releases the lock when the process ends
    for any reason. Child processes do not inherit the lock. On operating systems and file systems without file locks, nothing is locked.

    Args:
        folder: Folder to lock.
        name: Name of the folder in error messages. If None, the path of the folder is used.

    Raises:
        DreamkerasError: Another process or thread has locked the folder, or the folder cannot be created.
    """
    folder, name = folder.absolute(), str(name or folder)
    made: list[Path] = []
    try:
        with naming_output(name):
            descriptor = _lock(folder, name, made)
        try:
            if (_beside(folder) / LOCK).is_file():
                with claim(_beside(folder), name):  # raises an error if another process is writing to the unfinished folder
                    pass
            yield
        finally:
            _release(folder, descriptor)
    finally:
        for path in reversed(made):
            with suppress(OSError):  # A folder that is no longer empty is kept.
                path.rmdir()


@contextmanager
def open_folder(folder: Path) -> Iterator[Path]:
    """Creates a folder that gets its name only after the `with` block has ended without an error.

    If the block raises an error, the folder is removed.

    During the block, the new folder is named `.NAME.unfinished` and is locked by this process. Files that a killed process left in
    `.NAME.unfinished` are deleted first. If an empty folder with the final name exists, it is kept, because it may be a link or a mount
    point. In this case, the files are written to a temporary subfolder, and are moved into the existing folder at the end.

    Raises:
        DreamkerasError: The folder is not empty, another process is writing to the folder, or a file cannot be written. The message
            names the folder.
    """
    require_empty(folder)
    place = folder.absolute()
    is_new = not place.exists()
    unfinished = _beside(place) if is_new else place / UNFINISHED.replace("*", "unfinished")
    try:
        with claim(unfinished if is_new else place, folder):
            require_empty(folder)  # another process may have written to the folder before it was locked
            clear(unfinished)
            unfinished.mkdir(exist_ok=True)
            try:
                with _naming(folder, unfinished):
                    yield unfinished
                    _publish(unfinished, place)
            finally:
                clear(unfinished)
                with suppress(OSError):  # A folder that still contains the lock file is kept.
                    unfinished.rmdir()
    finally:
        with suppress(OSError):
            unfinished.rmdir()


def is_taken(folder: Path) -> bool:
    """Returns whether a path exists and is not an empty folder. Unfinished files of a killed process are ignored."""
    if not folder.is_dir():
        return folder.exists() or folder.is_symlink()
    return any(path.name != LOCK and not path.match(UNFINISHED) for path in folder.iterdir())


def require_empty(folder: Path) -> None:
    """Checks that a folder is empty or does not exist.

    Raises:
        DreamkerasError: The path is a file, or a folder that is not empty.
    """
    if is_taken(folder):
        raise DreamkerasError(f"Expected a new or empty folder, but {folder} already has content. Choose another name.")


def require_held(folder: Path) -> None:
    """Checks that a folder that this process has locked was not removed or replaced.

    A folder that has replaced the locked folder may belong to another run.

    Raises:
        DreamkerasError: The folder was removed or replaced.
    """
    folder = folder.absolute()
    for descriptor, held in list(_held.items()):
        if held == folder and not _is_at(folder / LOCK, descriptor):
            raise DreamkerasError(f"{folder} was removed or replaced while it was being written. Start again with another output folder.")


def clear(folder: Path) -> None:
    """Deletes the content of a folder that this process has locked, except the lock file. A missing folder is ignored."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            with suppress(OSError):
                path.unlink()


@contextmanager
def _naming(folder: Path, unfinished: Path) -> Iterator[None]:
    """Converts an OSError to a DreamkerasError that names the folder, unless the error is about a file outside the unfinished folder."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not Path(str(error.filename)).is_relative_to(unfinished):
            raise
        with naming_output(str(folder)):
            raise


def _beside(folder: Path) -> Path:
    """Returns the path of the unfinished folder that `open_folder` uses for a new folder."""
    return derived_name(folder, ".", ".unfinished")


def _publish(unfinished: Path, place: Path) -> None:
    if not place.exists():
        unfinished.replace(place)
        (place / LOCK).unlink(missing_ok=True)
        return
    for path in list(unfinished.iterdir()):
        if path.name != LOCK:
            path.replace(place / path.name)


def _lock(folder: Path, name: str, made: list[Path]) -> int | None:
    """Locks a folder and returns the descriptor of its lock file, or None on systems without locks.

    The paths of folders that this function creates are appended to `made`.
    """
    for _ in range(TRIES):
        try:
            _make(folder, made)
            if fcntl is None:
                return None
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)  # NFS locks only files that are open for writing.
        except FileNotFoundError:  # The process that had locked the folder has removed the folder.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            break
        except OSError:  # The file system has no locks.
            pass
        if _is_at(folder / LOCK, descriptor):
            _held[descriptor] = folder
            return descriptor
        os.close(descriptor)  # Another process removed the lock file after this process had opened it.
    raise DreamkerasError(f"Another process is writing to '{name}'. Wait until that process has ended, or choose another name.")


def _make(folder: Path, made: list[Path]) -> None:
    for path in [path for path in (*reversed(folder.parents), folder) if not path.is_dir()]:
        with suppress(FileExistsError):
            path.mkdir()
            made.append(path)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _release(folder: Path, descriptor: int | None) -> None:
    if descriptor not in _held:  # the system has no locks, or this is a forked process
        return
    if _is_at(folder / LOCK, descriptor):
        with suppress(OSError):
            (folder / LOCK).unlink()
    del _held[descriptor]
    os.close(descriptor)


def _let_go() -> None:
    """Closes the lock files in a forked process, because otherwise folders would remain locked after the parent process has ended."""
    while _held:
        os.close(_held.popitem()[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
