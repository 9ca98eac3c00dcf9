"""Output folders: each is held by one process at a time, and one that is filled appears whole or not at all.

Knows nothing about what is written into them.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dreamkeras.errors import DreamkerasError
from dreamkeras.files.outputs import naming_output

try:
    import fcntl
except ImportError:  # Windows, where nothing is held
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "UNFINISHED", "claim", "clear", "is_taken", "open_folder", "require_empty", "require_held"]

LOCK = ".dreamkeras.lock"
"""The file in a folder that the process which fills it has locked; what a killed process left of it is not locked."""

UNFINISHED = ".dreamkeras-*.tmp"
"""The pattern of files and folders that a killed process may leave."""

TRIES = 100

_held: dict[int, Path] = {}
"""The folders that this process holds, by the descriptors of their locks."""


@contextmanager
def claim(folder: Path, name: str | Path | None = None) -> Iterator[None]:
    """Holds a folder for this process; it is made if need be, and removed at the end if it was made here and is empty.

    The lock is the kernel's and ends with the process, however that ends; child processes do not inherit it. Systems and file
    systems without such locks hold nothing. Messages call the folder `name`, if there is one.

    Raises:
        DreamkerasError: Another process, or thread, holds it, or it cannot be made.
    """
    folder, name = folder.absolute(), str(name or folder)
    made: list[Path] = []
    try:
        with naming_output(name):
            descriptor = _lock(folder, name, made)
        try:
            if (_beside(folder) / LOCK).is_file():
                with claim(_beside(folder), name):  # raises unless it was left by a killed process
                    pass
            yield
        finally:
            _release(folder, descriptor)
    finally:
        for path in reversed(made):
            with suppress(OSError):  # something has been put there
                path.rmdir()


@contextmanager
def open_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes its name once the `with` block has ended well, and is removed if it does not.

    Until then it is called `.NAME.unfinished`, and this process holds it; files that a killed process left in it are removed first.
    An empty folder at its place, which may be a link or a mount point, is kept: it is filled within, and the files appear at the end.

    Raises:
        DreamkerasError: It holds something, another process is filling it, or it cannot be written; the message names it.
    """
    require_empty(folder)
    place = folder.absolute()
    is_new = not place.exists()
    unfinished = _beside(place) if is_new else place / UNFINISHED.replace("*", "unfinished")
    try:
        with claim(unfinished if is_new else place, folder):
            require_empty(folder)  # another process may have filled it meanwhile
            clear(unfinished)
            unfinished.mkdir(exist_ok=True)
            try:
                with _naming(folder, unfinished):
                    yield unfinished
                    _publish(unfinished, place)
            finally:
                clear(unfinished)
                with suppress(OSError):  # it holds the lock
                    unfinished.rmdir()
    finally:
        with suppress(OSError):
            unfinished.rmdir()


def is_taken(folder: Path) -> bool:
    """Whether there is something that is no empty folder; what a killed process left unfinished does not count."""
    if not folder.is_dir():
        return folder.exists() or folder.is_symlink()
    return any(path.name != LOCK and not path.match(UNFINISHED) for path in folder.iterdir())


def require_empty(folder: Path) -> None:
    """Refuses to fill what holds something already.

    Raises:
        DreamkerasError: It is a file, or holds something.
    """
    if is_taken(folder):
        raise DreamkerasError(f"Expected a new or empty folder, got {folder}, which holds something: take another name.")


def require_held(folder: Path) -> None:
    """Refuses to write into a folder that was removed while this process held it, and that may be another run's by now.

    Raises:
        DreamkerasError: It was.
    """
    folder = folder.absolute()
    for descriptor, held in list(_held.items()):
        if held == folder and not _is_at(folder / LOCK, descriptor):
            raise DreamkerasError(f"{folder} was removed or replaced while it was written to: begin again under another name.")


def clear(folder: Path) -> None:
    """Removes all that is in a folder that this process holds, but for the lock; does nothing where there is none."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            with suppress(OSError):
                path.unlink()


@contextmanager
def _naming(folder: Path, unfinished: Path) -> Iterator[None]:
    """As `naming_output`, but for errors of files that are elsewhere."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not Path(str(error.filename)).is_relative_to(unfinished):
            raise
        with naming_output(str(folder)):
            raise


def _beside(folder: Path) -> Path:
    """Where `open_folder` fills a folder that is not there yet."""
    return folder.with_name(f".{folder.name}.unfinished")


def _publish(unfinished: Path, place: Path) -> None:
    if not place.exists():
        unfinished.replace(place)
        (place / LOCK).unlink(missing_ok=True)
        return
    for path in list(unfinished.iterdir()):
        if path.name != LOCK:
            path.replace(place / path.name)


def _lock(folder: Path, name: str, made: list[Path]) -> int | None:
    """The descriptor of a locked file in a folder; None where there are no locks. Folders that are made are added to `made`."""
    for _ in range(TRIES):
        try:
            _make(folder, made)
            if fcntl is None:
                return None
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)  # NFS locks what is open for writing
        except FileNotFoundError:  # the folder has gone with the process that held it
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            break
        except OSError:  # a file system without locks
            pass
        if _is_at(folder / LOCK, descriptor):
            _held[descriptor] = folder
            return descriptor
        os.close(descriptor)  # the process that held it has removed it between the two calls
    raise DreamkerasError(f"Another process is writing to {name}: wait until it has ended, or take another name.")


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
    if descriptor not in _held:  # there are no locks, or this is a forked process
        return
    if _is_at(folder / LOCK, descriptor):
        with suppress(OSError):
            (folder / LOCK).unlink()
    del _held[descriptor]
    os.close(descriptor)


def _let_go() -> None:
    """Closes the locks in a forked process, which would hold them beyond the end of the one that took them."""
    while _held:
        os.close(_held.popitem()[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
