"""Archives (.tar.gz) unpacked without trusting them: plain files and folders below one folder, in bounded size, all or nothing."""

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
"""Most bytes unpacked from one packed byte: tables of sequences shrink to a fifth, zeros to a thousandth."""

SMALLEST_BOUND = 64 << 20
"""Bytes that any archive may unpack to: padding alone makes small ones expand further."""

MOST_MEMBERS = 10_000


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a .tar.gz archive into a new folder, which appears when every file is in it.

    Members are written as new files with ordinary rights; owners, times and modes in the archive are not used.

    Raises:
        InputError: The archive is damaged, too large, or has a member that is no plain file or folder, occurs twice or is outside the
            folder; names the member. Or the folder exists.
        DreamkerasError: The folder cannot be written.
    """
    if folder.exists():
        raise InputError(f"Expected a new folder to unpack {archive} into, got {folder}, which is there.")
    with open_folder(folder) as unfinished:
        _unpack_into(unfinished, archive)


class _Bounded:
    """A stream that ends in an InputError beyond so many bytes: headers count too, which tarfile holds in memory."""

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
            stream = _Bounded(unzipped, bound, archive)  # type: ignore[arg-type]  # gzip.open("rb") reads bytes
            with tarfile.open(fileobj=stream, mode="r|") as members:  # type: ignore[call-overload]  # needs no more than read
                for count, member in enumerate(members):
                    if count == MOST_MEMBERS:
                        raise InputError(f"Expected at most {MOST_MEMBERS:,} members in {archive}, got more.")
                    _write_member(members, member, folder, archive)
            while stream.read(CHUNK):  # to the end, where gzip's checksum stands
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"Expected a whole .tar.gz file, got {archive}: {error}.") from None


def _write_member(members: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, archive: Path) -> None:
    target = folder / _safe_path(member, archive)
    try:
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"Expected each name once in {archive}, got {member.name!r} twice.") from None
    with file:
        content = members.extractfile(member)
        if content is not None:
            shutil.copyfileobj(content, file, CHUNK)


def _safe_path(member: tarfile.TarInfo, archive: Path) -> PurePosixPath:
    path = PurePosixPath(member.name)
    # A sparse file unpacks to the size in its header, which the archive's own size does not bound.
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise InputError(f"Expected plain files and folders in {archive}, got {_kind(member)}: {member.name!r}.")
    # A drive or a backslash means another folder on Windows.
    if path.is_absolute() or ".." in path.parts or set(member.name) & set("\\:\0"):
        raise InputError(f"Expected members below one folder in {archive}, got {member.name!r}.")
    return path


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to {member.linkname!r}"
    return "a sparse file" if member.issparse() else "a device or pipe"
