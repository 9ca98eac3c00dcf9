"""One file from a web server to the disk: resumed where it was cut, checked, and under its name only when it is whole.

Until then its bytes are in `NAME.part`, and the server's name of their version in `NAME.part.version`, so that a later process
resumes them.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.published.record import RecordFile
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.digests import checksum_of
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.web import Interrupted, Say, open_url, retry
from dreamkeras.formats.decimals import is_whole

__all__ = ["DownloadProgress", "check_file", "transfer"]

CHUNK = 1 << 18

CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+)")

DownloadProgress = Callable[[str, int, int], None]
"""Takes a file's name, its bytes so far and in all."""


class PartialFile(NamedTuple):
    """A file on its way: its bytes so far, and a file with the ETag or Last-Modified that they came with."""

    bytes: Path
    version: Path

    def size(self) -> int:
        """Bytes that have come; none where nobody knows of which version they are."""
        return self.bytes.stat().st_size if self.bytes.is_file() and self.version.is_file() else 0

    def known_version(self) -> str:
        """The version that `begin` noted; empty if there is none."""
        return self.version.read_text(encoding="latin-1") if self.version.is_file() else ""

    def begin(self, version: str) -> None:
        """Drops the bytes of an earlier version before this one is noted, so that no kill can mix the two."""
        self.bytes.write_bytes(b"")
        self.version.write_text(version, encoding="latin-1")

    def remove(self) -> None:
        """Drops everything."""
        self.bytes.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)


def transfer(url: str, path: Path, file: RecordFile, *, progress: DownloadProgress | None = None, say: Say | None = None) -> None:
    """Downloads a file to a path that must not exist; if this call fails or is killed, the next one resumes it.

    A size or a checksum that is None is not checked; without a size, that of the server counts.

    Raises:
        DreamkerasError: The server does not have it, or not of this size; it was damaged twice; the connection stays cut; or
            the disk cannot be written.
    """
    part = PartialFile(path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.version"))
    with naming_output(str(path)):
        for last in (False, True):
            retry(url, lambda: _receive(url, part, file, progress), part.size, say=say)
            damage = check_file(part.bytes, file)
            if damage is None:
                break
            part.remove()  # may begin with bytes of another file: whole once more
            if last:
                raise DreamkerasError(f"Expected {file.name} with {damage}, twice ({url}).")
            if say:
                say(f"{url}: {damage}; once more")
        with part.bytes.open("rb") as whole:
            os.fsync(whole.fileno())  # before it gets its name: a power cut must not leave a name without bytes
        part.bytes.rename(path)
        part.remove()


def check_file(path: Path, file: RecordFile) -> str | None:
    """The difference of a file from the published one, such as `5 bytes, got 4`; None if there is none."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"{file.size:,} bytes, got {size:,}"
    if file.checksum is None:
        return None
    came = checksum_of(path, file.checksum)
    return None if came == file.checksum else f"{file.checksum}, got {came}"


def _receive(url: str, part: PartialFile, file: RecordFile, progress: DownloadProgress | None) -> None:
    """Requests what is missing and adds it."""
    start = part.size()
    if start and start == file.size:  # killed between the last byte and the name
        return
    asked = _range(part, start)
    with open_url(url, asked) as response:
        headers = response.headers
        if response.status == 416:  # longer than the server's file: not of it
            part.remove()
            raise Interrupted("another file than before")
        total = _announced(response.status, headers, file, url)
        if response.status == 206:
            _check_range(part, asked, headers)
        else:
            part.begin(_version(headers))
        with part.bytes.open("ab") as out:
            # A body without a Content-Length may be longer than the file.
            while out.tell() <= total and (piece := response.read1(CHUNK)):
                out.write(piece)
                if progress:
                    progress(file.name, out.tell(), total)
            came = out.tell()
    if came > total:
        part.remove()
        raise DreamkerasError(f"Expected {total:,} bytes of {file.name}, got {came:,} from {url}.")
    if came < total:
        raise Interrupted("a connection that was cut")


def _range(part: PartialFile, start: int) -> dict[str, str]:
    """Headers that ask for the rest of the same version, or for a new one as a whole."""
    version = part.known_version() if start else ""
    return {"Range": f"bytes={start}-", "If-Range": version} if version else {}


def _version(headers: Mapping[str, str]) -> str:
    """The value for If-Range: a strong ETag, else the date of change; empty without both."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _announced(status: int, headers: Mapping[str, str], file: RecordFile, url: str) -> int:
    """The whole file's size by the answer's headers."""
    if status == 206:
        match = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        total = match[2] if match else ""
    else:
        total = headers.get("Content-Length", "")
    if not is_whole(total):
        if file.size is None:
            raise InputError(f"Expected the size of {file.name}, got none from {url}.")
        return file.size
    if file.size is not None and int(total) != file.size:
        raise DreamkerasError(f"Expected {file.size:,} bytes of {file.name}, got {int(total):,} announced by {url}.")
    return int(total)


def _check_range(part: PartialFile, asked: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Refuses another part or version: servers that ignore If-Range send the rest of their present file."""
    match = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    came = f"bytes={match[1]}-" if match else None
    if came != asked.get("Range", "") or _version(headers) not in ("", asked["If-Range"]):
        part.remove()
        raise Interrupted("another part or version of the file than asked for")
