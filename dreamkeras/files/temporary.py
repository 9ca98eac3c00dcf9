"""Temporary files and folders: next to an output, in memory, or in the folder `TMPDIR`.

Files next to an output are locked. If a killed process leaves such a file, the next command that writes the same output removes the file.
"""

import hashlib
import io
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from dreamkeras.errors import DreamkerasError

try:
    import fcntl
except ImportError:  # Windows has no fcntl, so files are not locked
    fcntl = None  # type: ignore[assignment]

__all__ = ["HAS_LOCKS", "IN_MEMORY", "create_beside", "derived_name", "named_errors", "open_spool", "remove_abandoned", "temporary_folder"]

HAS_LOCKS = fcntl is not None

LONGEST_NAME = 255
"""Maximum length of a file name in bytes on common file systems."""

IN_MEMORY = 1 << 25
"""Maximum number of bytes that a spool holds in memory."""


def create_beside(target: Path) -> io.BufferedWriter:
    """Creates a temporary file for writing, in the folder of an output. The file is locked until it is closed.

    A file that a killed process left for this output is removed. If several processes write the same output, each process has a different
    temporary file.

    Raises:
        OSError: The file cannot be created. Errors in writing to the file also contain the name of the file.
    """
    name = _digest(target.name)
    for number in itertools.count():
        path = target.with_name(f".dreamkeras-{name}{f'-{number}' * (number > 0)}.tmp")
        _remove_unlocked(path)
        try:
            file: io.BufferedWriter = io.BufferedWriter(_NamedFile(path, "xb"))
        except FileExistsError:  # another process is writing the same output
            continue
        try:
            if _lock(file.fileno()) and _is_at(path, file.fileno()):
                return file
        except BaseException:  # for example a signal that ends the command
            file.close()
            path.unlink(missing_ok=True)
            raise
        file.close()  # another process locked or removed this file first, as if a killed process had left it
    raise AssertionError


def remove_abandoned(target: Path) -> None:
    """Removes the temporary files that killed processes left next to an output. Files of running processes are locked and remain."""
    for path in target.parent.glob(f".dreamkeras-{_digest(target.name)}*.tmp"):
        _remove_unlocked(path)


def derived_name(path: Path, before: str, after: str) -> Path:
    """Returns a path in the same folder, with `before` and `after` added to the file name.

    A name that would be too long is replaced by a digest.

    Example:
        >>> derived_name(Path("runs/out"), ".", ".unfinished").name, len(derived_name(Path("x" * 250), ".", ".unfinished").name)
        ('.out.unfinished', 28)
    """
    if len(os.fsencode(f"{before}{path.name}{after}")) <= LONGEST_NAME:
        return path.with_name(f"{before}{path.name}{after}")
    return path.with_name(f"{before}{_digest(path.name)}{after}")


@contextmanager
def open_spool(name: str) -> Iterator[BinaryIO]:
    """Opens a temporary file for bytes that are written and then read.

    The bytes are in memory or, if they exceed `IN_MEMORY`, in the folder `TMPDIR`. No file remains when the process ends, even if it is
    killed.

    Args:
        name: Name of the output for error messages.

    Raises:
        DreamkerasError: The folder `TMPDIR` cannot be written.
    """
    with tempfile.SpooledTemporaryFile(IN_MEMORY, prefix="dreamkeras-") as spool, named_errors(f"the results for {name}"):
        yield cast("BinaryIO", spool)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Creates a temporary folder inside the folder `TMPDIR`. The temporary folder is deleted after the `with` block.

    Raises:
        DreamkerasError: The folder `TMPDIR` cannot be written.
    """
    with named_errors(), tempfile.TemporaryDirectory(prefix="dreamkeras-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def named_errors(content: str = "temporary files") -> Iterator[None]:
    """Converts an OSError to a DreamkerasError that names the folder `TMPDIR` and the content that cannot be written there.

    Errors about a file outside this folder, a closed pipe or a process that cannot be started are not converted.
    """
    try:
        yield
    except (BrokenPipeError, BlockingIOError):
        raise
    except OSError as error:
        if error.errno is None or (error.filename is not None and not Path(str(error.filename)).is_relative_to(tempfile.gettempdir())):
            raise
        place = f" in {tempfile.gettempdir()}" if tempfile.tempdir else ""
        raise DreamkerasError(f"Cannot write {content}{place}: {error.strerror}. Set TMPDIR to another folder.") from None


class _NamedFile(io.FileIO):
    """File that adds its name to errors in writing, because the operating system reports such errors without a name."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from None


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _remove_unlocked(path: Path) -> None:
    """Removes a file, unless another process has locked the file or the system has no locks."""
    if fcntl is None:
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Locks a file. Returns False if another process has locked the same file."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False
