"""Downloads a single file. Interrupted downloads are resumed, and the file is created only after it has been verified.

Until the download is complete, the received bytes are in `NAME.part`, so that a later process can resume the download.
"""

import os
from collections.abc import Callable
from pathlib import Path

from dreamkeras.data.published.record import RecordFile
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.digests import md5
from dreamkeras.files.outputs import naming_output
from dreamkeras.files.web import Interrupted, Say, open_url, retry
from dreamkeras.formats.decimals import is_whole

__all__ = ["DownloadProgress", "check_file", "transfer"]

CHUNK = 1 << 18

DownloadProgress = Callable[[str, int, int], None]
"""Function that is called with the name of a file, the number of downloaded bytes and the total number of bytes."""


def transfer(url: str, path: Path, file: RecordFile, *, progress: DownloadProgress | None = None, say: Say | None = None) -> None:
    """Downloads a file. No file with the same path may exist. If a call fails or is killed, the next call resumes the download.

    If `file.checksum` is None, the content is not verified, and an interrupted download starts again from the beginning. If `file.size` is
    None, the size that the server reports is used.

    Raises:
        DreamkerasError: The server does not have the file, the server reports a size that differs from the published size, two downloads
            were damaged, the connection failed repeatedly, or the disk cannot be written.
        InputError: The size of the file is unknown and the server does not report it.
    """
    part = path.with_name(f"{path.name}.part")
    with naming_output(str(path)):
        for last in (False, True):
            retry(url, lambda: _receive(url, part, file, progress), lambda: _size(part), say=say)
            damage = check_file(part, file)
            if damage is None:
                break
            part.unlink()  # The bytes may be parts of two versions of the file, so the download starts again.
            if last:
                raise DreamkerasError(f"{file.name} was damaged in two downloads: expected {damage} ({url}).")
            if say:
                say(f"Expected {damage} from {url}. Downloading again.")
        with part.open("r+b") as whole:
            os.fsync(whole.fileno())  # A power failure must not leave an incomplete file under the final name.
        part.rename(path)


def check_file(path: Path, file: RecordFile) -> str | None:
    """Compares a file with the published size and checksum.

    Returns the end of an error message, such as `5 bytes, got 4`, or None if the file is as published.
    """
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"{file.size:,} bytes, got {size:,}"
    if file.checksum is None:
        return None
    found = f"md5:{md5(path)}"
    return None if found == file.checksum else f"{file.checksum}, got {found}"


def _receive(url: str, part: Path, file: RecordFile, progress: DownloadProgress | None) -> None:
    """Requests the missing bytes and appends them to the partial file."""
    # Only a checksum can show that the received bytes and the missing bytes belong to the same version of the file.
    start = _size(part) if file.size and file.checksum else 0
    if file.size and start >= file.size:
        return
    with open_url(url, {"Range": f"bytes={start}-"} if start else {}) as response:
        if response.status == 206 and not start:
            raise Interrupted("unexpected range of the file")
        resumed = response.status == 206
        total = file.size if resumed and file.size else _announced(response.headers.get("Content-Length", ""), file, url)
        with part.open("ab" if resumed else "wb") as out:
            # Without Content-Length, the server may send more bytes than the published file has.
            while out.tell() <= total and (piece := response.read1(CHUNK)):
                out.write(piece)
                if progress:
                    progress(file.name, out.tell(), total)
            size = out.tell()
    if size > total:
        part.unlink()
        raise DreamkerasError(f"Expected {total:,} bytes of {file.name}, got {size:,} from {url}.")
    if size < total:
        raise Interrupted("connection closed")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _announced(length: str, file: RecordFile, url: str) -> int:
    """Returns the size of the complete file. `length` is the header Content-Length of the response.

    Raises:
        InputError: The size of the file is unknown and the response has no size.
        DreamkerasError: The size of the response differs from the published size.
    """
    if not is_whole(length):
        if file.size is None:
            raise InputError(f"The server did not report the size of {file.name} ({url}).")
        return file.size
    if file.size is not None and int(length) != file.size:
        raise DreamkerasError(f"Expected {file.size:,} bytes of {file.name}, got {int(length):,} in the headers of {url}.")
    return int(length)
