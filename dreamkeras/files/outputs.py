"""Output files that appear whole or not at all, and streams that get whole results or none; text is packed where the name says so.

Knows nothing about what is written into them.
"""

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.bgzip import PACKED, BgzipWriter
from dreamkeras.files.streams import STANDARD, is_stream, open_stream

__all__ = ["naming_output", "open_output", "open_text", "refuse_packed", "unpacked_name", "write_text"]

OTHER_PACKINGS = (".bz2", ".xz", ".zst", ".zip", ".lz4")


@contextmanager
def open_output(path: str) -> Iterator[BinaryIO]:
    """Opens an output for writing bytes; its file appears under its name only once the `with` block has ended well.

    Until then the bytes are in a temporary file in the same folder, which any exception removes. A file that was there stays
    until then, and the new one gets its owner and mode. Standard output (`-`), descriptors such as `/dev/stdout`, pipes and devices are
    never replaced: they get the bytes, from a temporary file elsewhere, once the block has ended well.

    Raises:
        DreamkerasError: The file cannot be written; the message names it and the reason. A broken pipe stays a BrokenPipeError.
    """
    target = Path(os.path.realpath(path))  # behind a link, so that the link stays one
    if is_stream(path):
        opened = _streamed(path)
    elif target.is_dir() or path.endswith("/"):
        raise DreamkerasError(f"Expected a file to write, got a folder: {path}.")
    else:
        opened = _replaced(target, path)
    with opened as file:
        yield file


def write_text(path: str | Path, text: str) -> None:
    """Writes a text in UTF-8 as `open_output` writes bytes: the file appears whole or not at all."""
    with open_output(str(path)) as file:
        file.write(text.encode())


@contextmanager
def open_text(path: str) -> Iterator[BinaryIO | BgzipWriter]:
    """As `open_output`, for text: where the name ends in .gz or .bgz, it is packed by bgzip, which is gzip to other programs.

    The same text gives the same bytes, however it is divided among writes: they hold neither a time nor a name.

    Raises:
        InputError: The name is that of another kind of compressed file.
    """
    if path.lower().endswith(OTHER_PACKINGS):
        raise InputError(f"Expected the name of a plain file, or one that ends in .gz, got {path}.")
    with open_output(path) as file:
        if not path.lower().endswith(PACKED):
            yield file
            return
        packed = BgzipWriter(file)
        yield packed
        with naming_output(path):
            packed.finish()


def unpacked_name(path: str) -> str:
    """A file's name without the suffix of its compression, for the format.

    Example:
        >>> unpacked_name("a.tsv.gz"), unpacked_name("a.tsv")
        ('a.tsv', 'a.tsv')
    """
    return path[: path.rindex(".")] if path.lower().endswith(PACKED) else path


def refuse_packed(path: str | Path, kind: str) -> None:
    """Refuses the name of a compressed file for a format that is not text; `kind` is the format's name in messages.

    Raises:
        InputError: It is one.
    """
    if str(path).lower().endswith((*PACKED, *OTHER_PACKINGS)):
        raise InputError(f"Expected a name without {Path(path).suffix} for {kind}, which only text may have, got {path}.")


@contextmanager
def naming_output(path: str) -> Iterator[None]:
    """Turns the system's errors in the `with` block into a DreamkerasError that names the output."""
    try:
        yield
    except BrokenPipeError:  # nobody reads on: no fault of the output, and for the command line to end quietly
        raise
    except OSError as error:
        name = "standard output" if path == STANDARD else path
        if isinstance(error, FileNotFoundError):
            raise DreamkerasError(f"Expected a folder to write {name} into, got none at {Path(path).parent}.") from None
        raise DreamkerasError(f"Expected to write {name}, got an error: {error.strerror or error}.") from None


@contextmanager
def _streamed(path: str) -> Iterator[BinaryIO]:
    """A temporary file, whose bytes go to a stream once the block has ended well.

    The stream is opened first, so that the reader of a pipe sees its end even if the block fails.
    """
    with ExitStack() as stack:
        with naming_output(path):
            stream = stack.enter_context(open_stream(path))
        spool = stack.enter_context(tempfile.NamedTemporaryFile(prefix="dreamkeras-"))
        yield cast("BinaryIO", spool)
        with naming_output(path):
            spool.flush()
            with Path(spool.name).open("rb") as written:  # by its name, by which pyBigWig writes
                shutil.copyfileobj(written, stream)
            stream.flush()


@contextmanager
def _replaced(target: Path, path: str) -> Iterator[BinaryIO]:
    temporary = target.with_name(f".dreamkeras-{secrets.token_hex(8)}.tmp")
    with naming_output(path):
        file = temporary.open("xb")
    try:
        with naming_output(path):
            _take_rights(file.fileno(), target)
        yield file
        with naming_output(path):
            file.flush()
            os.fsync(file.fileno())
            file.close()
            temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            temporary.unlink()
        raise


def _take_rights(descriptor: int, target: Path) -> None:
    """Gives a new file the owner, the group and the mode of the file that it is to replace.

    Raises:
        PermissionError: That file is read-only.
    """
    if not target.exists():
        return
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    found = target.stat()
    if hasattr(os, "fchown"):  # not on Windows
        with suppress(OSError):  # only root may give files away
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
