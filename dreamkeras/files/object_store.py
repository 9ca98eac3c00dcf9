"""Reads and writes files on disk or in an object store (S3, Google Cloud, Azure and others that pyarrow supports), by path or URL.

Objects are downloaded before they are read, and new objects are uploaded after they have been written completely. The package pyarrow
is imported only for URLs of object stores.
"""

import functools
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from dreamkeras.environment import import_extra
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.digests import quick_digest
from dreamkeras.files.folders import LOCK
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.temporary import remove_abandoned, temporary_folder

__all__ = ["Location", "is_url", "locate"]

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
PASSWORD = re.compile(r":[^@/]*@")

CHUNK = 1 << 24
"""Number of bytes in each request for a part of an object. pyarrow's default of 1 MiB makes downloads slower, because requests wait."""

WHOLE_OBJECTS = {"s3", "gcs", "abfs"}
"""Stores, as pyarrow names them, in which an object is visible only after its upload is complete.

In other stores, an object is uploaded under a temporary name and then renamed.
"""


class Location:
    """Location of an existing or new file or folder on disk, and base class of other locations.

    `str()` returns the name of the location for messages, without the password and options of a URL.

    Attributes:
        text: Absolute path or URL, which `locate` accepts on any machine that has access to the location.
        name: Name of the file or folder, which is the last part of the path.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.text = str(self._path.absolute())  # worker processes may have another working directory
        self.name = self._path.name

    def __str__(self) -> str:
        return str(self._path)

    def __truediv__(self, name: str) -> "Location":
        """Returns the location of a file in this folder."""
        return Location(str(self._path / name))

    def names(self) -> set[str]:
        """Returns the names in this folder, or an empty set if the folder does not exist."""
        return {file.name for file in self._path.iterdir()} - {LOCK} if self._path.exists() else set()

    def files(self) -> "list[Location]":
        """Returns this file, or the files in this folder except hidden files, sorted by name.

        Raises:
            InputError: Neither a file nor a folder exists at this location.
        """
        if self._path.is_dir():
            return [Location(str(file)) for file in sorted(self._path.iterdir()) if file.is_file() and file.name[0] != "."]
        if not self._path.is_file():
            raise InputError(f"File or folder not found: {self}.")
        return [self]

    def make_folder(self) -> None:
        """Creates this folder, if the store has folders."""
        with naming_output(str(self)):
            self._path.mkdir(parents=True, exist_ok=True)

    def quick_digest(self) -> str:
        """Returns a text with the quick digest (see `digests.quick_digest`) and the modification time of this file.

        Raises:
            InputError: The file does not exist.
        """
        if not self._path.is_file():
            raise InputError(f"File not found: {self}.")
        with self._path.open("rb") as file:
            return f"{quick_digest(file)}:{self._path.stat().st_mtime_ns}"

    def read(self) -> bytes | None:
        """Reads the complete file. Returns None if the file does not exist."""
        return self._path.read_bytes() if self._path.exists() else None

    @contextmanager
    def fetched(self) -> Iterator[str]:
        """Yields the path of this file or, for an object in a store, of a temporary copy on this machine.

        Errors in the `with` block name the original file.
        """
        yield str(self)

    @contextmanager
    def made(self) -> Iterator[str]:
        """Yields a path on this machine, to which the caller writes the content.

        An object is uploaded only after the `with` block has ended without an error.
        """
        yield str(self)

    def remove_abandoned(self) -> None:
        """Removes temporary files that killed processes left next to this file. In an object store, nothing is removed."""
        remove_abandoned(self._path)


def is_url(text: str) -> bool:
    """Returns whether a text is a URL, including a `file://` URL.

    Example:
        >>> is_url("s3://bucket/promoters"), is_url("promoters/a.fa"), is_url("c:/a.fa")
        (True, False, False)
    """
    return SCHEME.match(text) is not None


def locate(text: str) -> Location:
    """Returns the location of a file or folder.

    Args:
        text: A path, a URL of the form `file:///PATH`, or a URL for `pyarrow.fs.FileSystem.from_uri`, with its options after `?`.

    Raises:
        InputError: pyarrow does not support the URL or one of its options.
        MissingPackageError: pyarrow is not installed.
    """
    if not is_url(text):
        return Location(text)
    parts = urlsplit(text)
    if parts.scheme != "file":
        return _StoredObject(text)
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"Expected a URL with three slashes for a file on this machine, such as file:///data/x.fa, got {text}.")
    return Location(unquote(parts.path))


class _StoredObject(Location):
    def __init__(self, url: str) -> None:
        self.text = url
        self._parts = parts = urlsplit(url)
        self._system, root = _open_store(urlunsplit(parts._replace(path="/x", fragment="")), self._shown("/"))
        self._key = (root + unquote(parts.path.lstrip("/"))).rstrip("/")
        self.name = self._key.rpartition("/")[2]

    def __str__(self) -> str:
        return self._shown(unquote(self._parts.path))

    def __truediv__(self, name: str) -> Location:
        return _StoredObject(urlunsplit(self._parts._replace(path=f"{self._parts.path.rstrip('/')}/{quote(name)}")))

    def names(self) -> set[str]:
        return {info.base_name for info in self._inside()}

    def files(self) -> list[Location]:
        with self._naming("read"):
            kind = self._system.get_file_info(self._key).type.name
        if kind == "NotFound":
            raise InputError(f"File or folder not found: {self}.")
        if kind == "File":
            return [self]
        return [self / name for name in sorted(info.base_name for info in self._inside() if info.is_file) if name[0] != "."]

    def make_folder(self) -> None:
        if self._system.type_name not in WHOLE_OBJECTS:
            with self._naming("write"):
                self._system.create_dir(self._key, recursive=True)

    def quick_digest(self) -> str:
        with self._naming("read"), self._system.open_input_file(self._key) as file:
            return f"{quick_digest(file)}:{self._system.get_file_info(self._key).mtime_ns}"

    def read(self) -> bytes | None:
        try:
            with self._naming("read"), self._system.open_input_stream(self._key, compression=None) as file:
                return file.read()
        except _MissingError:
            return None

    @contextmanager
    def fetched(self) -> Iterator[str]:
        with temporary_folder() as folder:
            copy = str(folder / self.name)  # the copy has the same name, because the suffix determines the format
            with self._naming("read"):
                _copy(self._system, self._key, _import_filesystems().LocalFileSystem(), copy)
            try:
                yield copy
            except DreamkerasError as error:
                raise type(error)(str(error).replace(copy, str(self))) from None

    @contextmanager
    def made(self) -> Iterator[str]:
        with temporary_folder() as folder:
            path = str(folder / self.name)
            yield path
            with self._naming("write"):
                self._put(path)

    def remove_abandoned(self) -> None:
        """Does nothing, because another process may be writing a temporary object."""

    def _put(self, path: str) -> None:
        is_whole = self._system.type_name in WHOLE_OBJECTS
        target = self._key if is_whole else f"{self._key.rpartition('/')[0]}/.dreamkeras-{secrets.token_hex(8)}.tmp"
        _copy(_import_filesystems().LocalFileSystem(), path, self._system, target)
        if not is_whole:
            self._system.move(target, self._key)

    def _inside(self) -> Any:
        with self._naming("read"):
            return self._system.get_file_info(_import_filesystems().FileSelector(self._key, allow_not_found=True))

    def _shown(self, path: str) -> str:
        return f"{self._parts.scheme}://{PASSWORD.sub('@', self._parts.netloc)}{path}"

    @contextmanager
    def _naming(self, verb: str) -> Iterator[None]:
        """Converts pyarrow's errors to an error with a one-line message that names the object."""
        try:
            yield
        except FileNotFoundError:
            raise _MissingError(f"File not found: {self}.") from None
        except (OSError, ValueError, NotImplementedError) as error:
            raise DreamkerasError(f"Cannot {verb} {self}: {_reason(error)}.") from None


class _MissingError(InputError):
    """Error about an object that does not exist."""


@functools.cache
def _open_store(url: str, shown: str) -> tuple[Any, str]:
    """Opens the object store that a URL belongs to. The path of the URL is not used and must be `/x`.

    Returns pyarrow's file system, and the prefix of all paths in the store, such as `bucket/`.
    """
    try:
        system, path = _import_filesystems().FileSystem.from_uri(url)
    except (OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"Expected the URL of an object store, got {shown}: {_reason(error).replace(url, shown)}.") from None
    return system, path[:-1]


def _copy(source: Any, path: str, target: Any, copy: str) -> None:
    _import_filesystems().copy_files(path, copy, source_filesystem=source, destination_filesystem=target, chunk_size=CHUNK)


def _reason(error: Exception) -> str:
    """Returns the first line of pyarrow's error message, without the request id."""
    return re.sub(r" \(Request ID: [^)]*\)", "", next(iter(str(error).splitlines()), type(error).__name__)).rstrip(". ")


def _import_filesystems() -> Any:
    return import_extra("pyarrow.fs", "pyarrow for URLs", "parquet").fs
