"""Files and folders by path or by URL: on a disk, or in an object store (S3, Google's, Azure's, and what else pyarrow knows).

An object is copied to this machine to be read; a new one is written here first and uploaded when it is whole.
pyarrow is imported when a URL needs it.
"""

import functools
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from dreamkeras.environment import import_extra
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.digests import quick_digest
from dreamkeras.files.folders import LOCK
from dreamkeras.files.outputs import naming_output

__all__ = ["Location", "is_url", "locate"]

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
PASSWORD = re.compile(r":[^@/]*@")

WHOLE_OBJECTS = {"s3", "gcs", "abfs"}
"""pyarrow's names of the stores in which an object appears when all of it has come; in others it is moved to its name."""


class Location(Protocol):
    """Where a file or a folder is, or is to be; as a string, what messages and manifests call it, without its password and options."""

    text: str
    """The text from which `locate` finds it, on any machine that sees it."""
    name: str
    """The last part of it."""

    def __truediv__(self, name: str) -> "Location":
        """A file in this folder."""

    def names(self) -> set[str]:
        """The names in this folder; none if it does not exist."""

    def files(self) -> "list[Location]":
        """This file, or those in this folder by name, but for hidden ones; InputError if there is neither."""

    def make_folder(self) -> None:
        """Makes this folder where a store has such."""

    def quick_digest(self) -> str:
        """`digests.quick_digest`, and when the file was last changed; InputError if there is no such file."""

    def read(self) -> bytes | None:
        """All of this file; None where it is not there."""

    def fetched(self) -> AbstractContextManager[str]:
        """The path of this file on this machine, which may be a copy; errors in the `with` block name the file."""

    def made(self) -> AbstractContextManager[str]:
        """A path to write this file to, which gets its name, unless it has it, once the `with` block has ended well."""


def is_url(text: str) -> bool:
    """Whether a text is a URL, also of a file on this machine.

    Example:
        >>> is_url("s3://bucket/promoters"), is_url("promoters/a.fa"), is_url("c:/a.fa")
        (True, False, False)
    """
    return SCHEME.match(text) is not None


def locate(text: str) -> Location:
    """The file or folder of a path or a URL.

    Args:
        text: A path; `file:///` and a path; or what `pyarrow.fs.FileSystem.from_uri` takes, its options behind `?`.

    Raises:
        InputError: pyarrow does not know such URLs, or an option of them.
        MissingPackageError: pyarrow is not installed.
    """
    if not is_url(text):
        return _DiskFile(text)
    parts = urlsplit(text)
    if parts.scheme != "file":
        return _StoredObject(text)
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"Expected a file of this machine behind file://, three slashes with it, got {text}.")
    return _DiskFile(unquote(parts.path))


class _DiskFile:
    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.text = str(self._path.absolute())  # workers have another working folder
        self.name = self._path.name

    def __str__(self) -> str:
        return str(self._path)

    def __truediv__(self, name: str) -> Location:
        return _DiskFile(str(self._path / name))

    def names(self) -> set[str]:
        return {file.name for file in self._path.iterdir()} - {LOCK} if self._path.exists() else set()

    def files(self) -> list[Location]:
        if self._path.is_dir():
            return [_DiskFile(str(file)) for file in sorted(self._path.iterdir()) if file.is_file() and file.name[0] != "."]
        if not self._path.is_file():
            raise InputError(f"Expected a file or a folder of files, got nothing at {self}.")
        return [self]

    def make_folder(self) -> None:
        with naming_output(str(self)):
            self._path.mkdir(parents=True, exist_ok=True)

    def quick_digest(self) -> str:
        if not self._path.is_file():
            raise InputError(f"Expected a file, got nothing at {self}.")
        with self._path.open("rb") as file:
            return f"{quick_digest(file)}:{self._path.stat().st_mtime_ns}"

    def read(self) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    @contextmanager
    def fetched(self) -> Iterator[str]:
        yield str(self)

    @contextmanager
    def made(self) -> Iterator[str]:
        yield str(self)


class _StoredObject:
    def __init__(self, url: str) -> None:
        self.text = url
        self._parts = parts = urlsplit(url)
        self._system, root = _open_store(urlunsplit(parts._replace(path="/x", fragment="")), self._shown("/"))
        self._path = (root + unquote(parts.path.lstrip("/"))).rstrip("/")
        self.name = self._path.rpartition("/")[2]

    def __str__(self) -> str:
        return self._shown(unquote(self._parts.path))

    def __truediv__(self, name: str) -> Location:
        return _StoredObject(urlunsplit(self._parts._replace(path=f"{self._parts.path.rstrip('/')}/{quote(name)}")))

    def names(self) -> set[str]:
        return {info.base_name for info in self._inside()}

    def files(self) -> list[Location]:
        with self._naming("read"):
            kind = self._system.get_file_info(self._path).type.name
        if kind == "NotFound":
            raise InputError(f"Expected a file or a folder of files, got nothing at {self}.")
        if kind == "File":
            return [self]
        return [self / name for name in sorted(info.base_name for info in self._inside() if info.is_file) if name[0] != "."]

    def make_folder(self) -> None:
        if self._system.type_name not in WHOLE_OBJECTS:
            with self._naming("write"):
                self._system.create_dir(self._path, recursive=True)

    def quick_digest(self) -> str:
        with self._naming("read"), self._system.open_input_file(self._path) as file:
            return f"{quick_digest(file)}:{self._system.get_file_info(self._path).mtime_ns}"

    def read(self) -> bytes | None:
        try:
            with self._naming("read"), self._system.open_input_stream(self._path, compression=None) as file:
                return file.read()
        except _MissingError:
            return None

    @contextmanager
    def fetched(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder:
            copy = str(Path(folder) / self.name)  # its name, for the suffix tells the format
            with self._naming("read"):
                _copy(self._system, self._path, _import_filesystems().LocalFileSystem(), copy)
            try:
                yield copy
            except DreamkerasError as error:
                raise type(error)(str(error).replace(copy, str(self))) from None

    @contextmanager
    def made(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder:
            path = str(Path(folder) / self.name)
            yield path
            with self._naming("write"):
                self._put(path)

    def _put(self, path: str) -> None:
        is_whole = self._system.type_name in WHOLE_OBJECTS
        target = self._path if is_whole else f"{self._path.rpartition('/')[0]}/.dreamkeras-{secrets.token_hex(8)}.tmp"
        _copy(_import_filesystems().LocalFileSystem(), path, self._system, target)
        if not is_whole:
            self._system.move(target, self._path)

    def _inside(self) -> Any:
        with self._naming("read"):
            return self._system.get_file_info(_import_filesystems().FileSelector(self._path, allow_not_found=True))

    def _shown(self, path: str) -> str:
        return f"{self._parts.scheme}://{PASSWORD.sub('@', self._parts.netloc)}{path}"

    @contextmanager
    def _naming(self, verb: str) -> Iterator[None]:
        """Turns pyarrow's errors into one line that names the object."""
        try:
            yield
        except FileNotFoundError:
            raise _MissingError(f"Expected a file, got nothing at {self}.") from None
        except (OSError, ValueError, NotImplementedError) as error:
            raise DreamkerasError(f"Expected to {verb} {self}, got an error: {_reason(error)}.") from None


class _MissingError(InputError):
    """There is no such object."""


@functools.cache
def _open_store(url: str, shown: str) -> tuple[Any, str]:
    """The file system behind a URL of `/x`, and what its paths begin with in place of the first slash."""
    try:
        system, path = _import_filesystems().FileSystem.from_uri(url)
    except (OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"Expected the URL of an object store, got {shown}: {_reason(error).replace(url, shown)}.") from None
    return system, path[:-1]


def _copy(source: Any, path: str, target: Any, copy: str) -> None:
    _import_filesystems().copy_files(path, copy, source_filesystem=source, destination_filesystem=target)


def _reason(error: Exception) -> str:
    """The first line of what pyarrow says, without the number that a store gives each request."""
    return re.sub(r" \(Request ID: [^)]*\)", "", next(iter(str(error).splitlines()), type(error).__name__)).rstrip(". ")


def _import_filesystems() -> Any:
    return import_extra("pyarrow.fs", "pyarrow for URLs", "parquet").fs
