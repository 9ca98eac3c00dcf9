"""Opens output files and streams. A failed command leaves no incomplete file. Text is compressed if the file name ends in .gz or .bgz.

This module does not depend on the content of the files.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.bgzip import PACKED, BgzipWriter
from dreamkeras.files.streams import STANDARD, is_stream, open_stream
from dreamkeras.files.temporary import HAS_LOCKS, create_beside, open_spool, remove_abandoned

__all__ = ["naming_output", "open_output", "open_text", "refuse_packed", "unpacked_name", "write_text"]

OTHER_PACKINGS = (".bz2", ".xz", ".zst", ".zip", ".lz4")


@contextmanager
def open_output(path: str) -> Iterator[BinaryIO]:
    """Opens an output for writing bytes. The file appears under its name only after the `with` block has ended without an error.

    During the block, the bytes are in a temporary file in the same folder. After an exception, the temporary file is deleted. If the
    process is killed, the next command with the same output deletes the temporary file. An existing file is replaced at the end, and the
    new file gets the owner and mode of the existing file. Standard output (`-`), descriptors such as `/dev/stdout`, pipes and devices
    receive the bytes at the end. Until then, the bytes are in memory or, if they exceed 32 MB, in a temporary file in the folder `TMPDIR`.

    Raises:
        DreamkerasError: The file cannot be written. The message names the file and the reason. A BrokenPipeError is raised unchanged.
    """
    target = Path(os.path.realpath(path))  # writes to the target of a symbolic link, so that the link itself is kept
    if is_stream(path):
        opened = _streamed(path)
    elif target.is_dir() or path.endswith("/"):
        raise DreamkerasError(f"Cannot write {path}: it is a folder.")
    else:
        opened = _replaced(target, path)
    with opened as file:
        yield file


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file in UTF-8. If writing fails, no incomplete file remains."""
    with open_output(str(path)) as file:
        file.write(text.encode())


@contextmanager
def open_text(path: str) -> Iterator[BinaryIO | BgzipWriter]:
    """Opens an output for writing text, see `open_output`. If the name ends in .gz or .bgz, the output is compressed with bgzip.

    The same text always gives the same bytes, because the compressed file contains neither a time nor a file name.

    Raises:
        InputError: The name ends with the suffix of a compressed format other than gzip.
    """
    if path.lower().endswith(OTHER_PACKINGS):
        raise InputError(f"Cannot write {path}: gzip is the only supported compression. Use a name that ends in .gz.")
    with open_output(path) as file:
        if not path.lower().endswith(PACKED):
            yield file
            return
        packed = BgzipWriter(file)
        yield packed
        with naming_output(path):
            packed.finish()


def unpacked_name(path: str) -> str:
    """Returns a file name without the suffix .gz or .bgz, so that the result ends with the suffix of the file format.

    Example:
        >>> unpacked_name("a.tsv.gz"), unpacked_name("a.tsv")
        ('a.tsv', 'a.tsv')
    """
    return path[: path.rindex(".")] if path.lower().endswith(PACKED) else path


def refuse_packed(path: str | Path, kind: str) -> None:
    """Checks that the name of a binary file does not end with the suffix of a compressed file. `kind` is the name of the binary format.

    Raises:
        InputError: The name ends with the suffix of a compressed file.
    """
    if str(path).lower().endswith((*PACKED, *OTHER_PACKINGS)):
        raise InputError(f"Cannot compress {kind}: {path}. Use a name without {Path(path).suffix}.")


@contextmanager
def naming_output(path: str) -> Iterator[None]:
    """Converts OSErrors in the `with` block to a DreamkerasError that names the output."""
    try:
        yield
    except BrokenPipeError:  # If the reader has closed the pipe, the command ends without a message.
        raise
    except OSError as error:
        name = "standard output" if path == STANDARD else path
        if isinstance(error, FileNotFoundError):
            raise DreamkerasError(f"Cannot write {name}: the folder {Path(path).parent} does not exist.") from None
        raise DreamkerasError(f"Cannot write {name}: {error.strerror or error}.") from None


@contextmanager
def _streamed(path: str) -> Iterator[BinaryIO]:
    """Yields a temporary file, which is copied to a stream after the `with` block has ended without an error.

    The stream is opened first, so that the reader of a pipe sees the end of the stream even if the block fails.
    """
    name = "standard output" if path == STANDARD else path
    with ExitStack() as stack:
        with naming_output(path):
            stream = stack.enter_context(open_stream(path))
        with open_spool(name) as spool:
            yield spool
            spool.seek(0)  # Windows does not allow a program to open the temporary file a second time.
            with naming_output(path):
                shutil.copyfileobj(spool, stream)
                stream.flush()


@contextmanager
def _replaced(target: Path, path: str) -> Iterator[BinaryIO]:
    with naming_output(path):
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    file: BinaryIO | None = None
    try:  # before the file is created, so that a signal cannot leave the file behind
        with naming_output(path):
            file = create_beside(target)
            temporary = Path(file.name)
            _take_rights(file.fileno(), target)
        with _naming_temporary(path, temporary):
            yield file
        with naming_output(path):
            file.flush()
            os.fsync(file.fileno())
            if not HAS_LOCKS:
                file.close()  # Windows cannot rename an open file.
            temporary.replace(target)  # while the file is locked, because another command could remove an unlocked file
            file.close()
    except BaseException:
        if file is not None:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                Path(file.name).unlink()
        remove_abandoned(target)  # a signal can arrive after the file is created and before `file` is assigned
        raise


@contextmanager
def _naming_temporary(path: str, temporary: Path) -> Iterator[None]:
    """Converts an OSError about the temporary file to a DreamkerasError that names the output. Errors about other files are unchanged."""
    try:
        yield
    except OSError as error:
        if error.filename != temporary:
            raise
        with naming_output(path):
            raise


def _take_rights(descriptor: int, target: Path) -> None:
    """Copies owner, group and mode of an existing file to the new file that replaces it.

    Raises:
        PermissionError: The existing file is read-only.
    """
    if not target.exists():
        return
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    found = target.stat()
    if hasattr(os, "fchown"):  # `fchown` is not available on Windows.
        with suppress(OSError):  # Only root may change the owner of a file.
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
