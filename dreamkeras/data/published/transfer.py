"""Downloads a single file. Interrupted downloads are resumed, and the file is created only after it has been verified.

Until the download is complete, the received bytes are in `NAME.part`. The server's version tag is in `NAME.part.version`. With these
files, a later process can resume the download.
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
"""Function that is called with the name of a file, the number of downloaded bytes and the total number of bytes."""


class PartialFile(NamedTuple):
    """A partially downloaded file, and a second file with the server's ETag or Last-Modified header."""

    bytes: Path
    version: Path

    def size(self) -> int:
        """Returns the number of downloaded bytes, or 0 if the version of the partially downloaded file is unknown."""
        return self.bytes.stat().st_size if self.bytes.is_file() and self.version.is_file() else 0

    def known_version(self) -> str:
        """Returns the version that `begin` stored, or an empty string if no version is stored."""
        return self.version.read_text(encoding="latin-1") if self.version.is_file() else ""

    def begin(self, version: str) -> None:
        """Deletes the downloaded bytes of an earlier version, then stores the tag of the new version.

        Deleting the bytes first ensures that a crash cannot mix the bytes of two versions.
        """
        self.bytes.write_bytes(b"")
        self.version.write_text(version, encoding="latin-1")

    def remove(self) -> None:
        """Deletes both files."""
        self.bytes.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)


def transfer(url: str, path: Path, file: RecordFile, *, progress: DownloadProgress | None = None, say: Say | None = None) -> None:
    """Downloads a file. No file with the same path may exist. If a call fails or is killed, the next call resumes the download.

    If `file.checksum` is None, the content is not verified. If `file.size` is None, the size that the server reports is used.

    Raises:
        DreamkerasError: The server does not have the file, the server reports a size that differs from the published size, two downloads
            were damaged, the connection failed repeatedly, or the disk cannot be written.
        InputError: The size of the file is unknown and the server does not report it.
    """
    part = PartialFile(path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.version"))
    with naming_output(str(path)):
        for last in (False, True):
            retry(url, lambda: _receive(url, part, file, progress), part.size, say=say)
            damage = check_file(part.bytes, file)
            if damage is None:
                break
            part.remove()  # The downloaded bytes may belong to another version of the file, so the download is started again.
            if last:
                raise DreamkerasError(f"{file.name} was damaged in two downloads: expected {damage} ({url}).")
            if say:
                say(f"Expected {damage} from {url}. Downloading again.")
        with part.bytes.open("rb") as whole:
            os.fsync(whole.fileno())  # A power failure must not leave an incomplete file under the final name.
        part.bytes.rename(path)
        part.remove()


def check_file(path: Path, file: RecordFile) -> str | None:
    """Compares a file with the published size and checksum.

    Returns the end of an error message, such as `5 bytes, got 4`, or None if the file is as published.
    """
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"{file.size:,} bytes, got {size:,}"
    if file.checksum is None:
        return None
    came = checksum_of(path, file.checksum)
    return None if came == file.checksum else f"{file.checksum}, got {came}"


def _receive(url: str, part: PartialFile, file: RecordFile, progress: DownloadProgress | None) -> None:
    """Requests the missing bytes and appends them to the partial file."""
    start = part.size()
    if start and start == file.size:  # An earlier process received all bytes but was killed before it renamed the file.
        return
    asked = _range(part, start)
    with open_url(url, asked) as response:
        headers = response.headers
        if response.status == 416:  # The partial file is longer than the server's file, so the two are different versions.
            part.remove()
            raise Interrupted("the file has changed on the server")
        total = _announced(response.status, headers, file, url)
        if response.status == 206:
            _check_range(part, asked, headers)
        else:
            part.begin(_version(headers))
        with part.bytes.open("ab") as out:
            # A response without Content-Length may be longer than the file.
            while out.tell() <= total and (piece := response.read1(CHUNK)):
                out.write(piece)
                if progress:
                    progress(file.name, out.tell(), total)
            came = out.tell()
    if came > total:
        part.remove()
        raise DreamkerasError(f"Expected {total:,} bytes of {file.name}, got {came:,} from {url}.")
    if came < total:
        raise Interrupted("connection closed")


def _range(part: PartialFile, start: int) -> dict[str, str]:
    """Returns headers that request the missing bytes. If the file has changed on the server, the server sends the complete file.

    If the version of the downloaded bytes is unknown, the headers are empty, which requests the complete file.
    """
    version = part.known_version() if start else ""
    return {"Range": f"bytes={start}-", "If-Range": version} if version else {}


def _version(headers: Mapping[str, str]) -> str:
    """Returns the value for the If-Range header: a strong ETag or, without a strong ETag, Last-Modified.

    The value is empty if the server sent neither header.
    """
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _announced(status: int, headers: Mapping[str, str], file: RecordFile, url: str) -> int:
    """Returns the size of the complete file according to the response headers.

    Raises:
        InputError: The size of the file is unknown and the headers do not contain it.
        DreamkerasError: The size in the headers differs from the published size.
    """
    if status == 206:
        match = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        total = match[2] if match else ""
    else:
        total = headers.get("Content-Length", "")
    if not is_whole(total):
        if file.size is None:
            raise InputError(f"The server did not report the size of {file.name} ({url}).")
        return file.size
    if file.size is not None and int(total) != file.size:
        raise DreamkerasError(f"Expected {file.size:,} bytes of {file.name}, got {int(total):,} in the headers of {url}.")
    return int(total)


def _check_range(part: PartialFile, asked: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Rejects a response with an unexpected range or version, because servers that ignore If-Range may send bytes of another version."""
    match = CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    came = f"bytes={match[1]}-" if match else None
    is_asked = came == asked.get("Range", "")
    if not is_asked or _version(headers) not in ("", asked["If-Range"]):
        part.remove()
        raise Interrupted("the file has changed on the server" if is_asked else "the server sent other bytes than requested")
