"""Unpacks .tar.gz archives from untrusted sources safely.

Archives that are too large, or that contain anything except regular files and folders, are rejected. If a member is invalid, nothing is
unpacked.
"""

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from dreamkeras.errors import InputError
from dreamkeras.files.folders import open_folder

__all__ = ["unpack"]

CHUNK = 1 << 20

EXPANSION = 50
"""Maximum ratio of unpacked size to archive size.

Tables of sequences have a ratio of about 5, and a file of zeros has a ratio of about 1,000.
"""

SMALLEST_BOUND = 64 << 20
"""Unpacked size in bytes up to which the ratio is not limited. Small archives have a high ratio because tar pads each member."""

MOST_MEMBERS = 10_000


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a .tar.gz archive into a new folder. The folder is visible under its name only after all files have been unpacked.

    Members are written as new files with default permissions. Owners, times and modes in the archive are ignored.

    Raises:
        InputError: The archive is damaged or too large, the folder exists, or a member is invalid. A member is invalid if it is neither a
            regular file nor a folder, occurs twice, or has a path that leads outside the folder. The message names the invalid member.
        DreamkerasError: The folder cannot be written.
    """
    if folder.exists():
        raise InputError(f"Cannot unpack {archive}: the folder {folder} already exists.")
    with open_folder(folder) as unfinished:
        _unpack_into(unfinished, archive)


class _Bounded:
    """A stream that raises InputError after a maximum number of bytes.

    Bytes of tar headers are also counted, because tarfile keeps headers in memory.
    """

    def __init__(self, stream: BinaryIO, bound: int, archive: Path) -> None:
        self._stream, self._left, self._bound, self._archive = stream, bound, bound, archive

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise InputError(f"Expected at most {self._bound:,} bytes in {self._archive}, got more.")
        return piece


def _unpack_into(folder: Path, archive: Path) -> None:
    bound = max(SMALLEST_BOUND, EXPANSION * archive.stat().st_size)
    try:
        with gzip.open(archive, "rb") as unzipped:
            stream = _Bounded(unzipped, bound, archive)  # type: ignore[arg-type]  # `gzip.open(..., "rb")` reads bytes.
            with tarfile.open(fileobj=stream, mode="r|") as members:  # type: ignore[call-overload]  # `tarfile` calls only `read`.
                for count, member in enumerate(members):
                    if count == MOST_MEMBERS:
                        raise InputError(f"Expected at most {MOST_MEMBERS:,} members in {archive}, got more.")
                    _write_member(members, member, folder, archive)
            while stream.read(CHUNK):  # gzip verifies the checksum at the end of the stream
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{archive} is damaged or not a .tar.gz file ({error}).") from None


def _write_member(members: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, archive: Path) -> None:
    target = folder / _safe_path(member, archive)
    try:
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{archive} contains {member.name!r} twice.") from None
    with file:
        content = members.extractfile(member)
        if content is not None:
            shutil.copyfileobj(content, file, CHUNK)


def _safe_path(member: tarfile.TarInfo, archive: Path) -> PurePosixPath:
    path = PurePosixPath(member.name)
    # Sparse files are rejected, because their unpacked size is given by a header and is not limited by the size of the archive.
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise InputError(f"Expected only regular files and folders in {archive}, got {_kind(member)}: {member.name!r}.")
    # On Windows, a path with a drive or a backslash may lead outside the folder.
    if path.is_absolute() or ".." in path.parts or set(member.name) & set("\\:\0"):
        raise InputError(f"{archive} has a member, {member.name!r}, whose path leads outside the folder it is extracted to.")
    return path


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname!r}"
    return "a sparse file" if member.issparse() else "a device or pipe"
