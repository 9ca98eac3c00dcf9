"""The published data sets on this machine: every file checked, archives unpacked, what is there already left alone."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dreamkeras.data.published.record import DATA_SETS, FILES_URL, INDEX_NAME, INDEX_URL, RecordFile, find_data_set, read_index
from dreamkeras.data.published.transfer import DownloadProgress, check_file, transfer
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.archives import unpack
from dreamkeras.files.folders import claim
from dreamkeras.files.outputs import open_output
from dreamkeras.files.web import ATTEMPTS, Say, check_url, read_url

__all__ = ["Download", "download", "list_files"]

ARCHIVE = ".tar.gz"

LONGEST_INDEX = 1 << 22


class Download(NamedTuple):
    """A data set on this machine.

    Args:
        folder: Where it is.
        paths: Its files, and after each archive the folder it was unpacked into.
        unchecked: Names of the files whose checksums nobody told.
        command: The command that reads it; None where the archives do not hold what it needs.
    """

    folder: Path
    paths: tuple[Path, ...]
    unchecked: tuple[str, ...]
    command: str | None


def download(
    name: str, folder: Path, mirror: str | None = None, *, progress: DownloadProgress | None = None, say: Say | None = None
) -> Download:
    """Gets what is missing of a data set; after a failure, another call goes on where this one ended.

    Sizes and checksums are those of `DATA_SETS`, then those of the record's index: its copy in the folder, else Zenodo's own, else
    the copy that the mirror has beside its files. Only a mirror may do without an index; what is unchecked then is told.

    Args:
        name: One of `DATA_SETS`.
        folder: Where the files go; made where it is missing.
        mirror: URL of a folder with files of the same names, in place of Zenodo's.
        progress: Told how far a file is: name, bytes so far, bytes in all.
        say: Told of pauses, repeats and files without a checksum.

    Raises:
        InputError: There is no such data set, a file in the folder is not the published one, or an archive is not safe.
        DreamkerasError: A file could not be downloaded or written; the bytes so far are kept for the next call.
        MissingPackageError: urllib3 is not installed.
    """
    data_set = find_data_set(name)
    address = FILES_URL if mirror is None else check_url(mirror)
    paths: list[Path] = []
    with claim(folder):
        files = _with_checksums(data_set.files, folder, mirror, say)
        for file in files:
            paths += _get(file, address, folder, progress, say)
    unchecked = tuple(file.name for file in files if file.checksum is None)
    inside = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return Download(folder, tuple(paths), unchecked, data_set.example(folder, inside))


def list_files(say: Say | None = None) -> list[tuple[str, RecordFile]]:
    """Every data set's name beside each of its files, with size and checksum where they are known or Zenodo tells them.

    Args:
        say: Told why Zenodo did not tell them.
    """
    try:
        index = read_index(read_url(INDEX_URL, LONGEST_INDEX, attempts=1), INDEX_URL)
    except DreamkerasError as error:
        index = {}
        if say:
            say(f"Sizes are those known without the record's index: {error}")
    return [(name, _known(file, index)) for name, data_set in DATA_SETS.items() for file in data_set.files]


def _with_checksums(files: tuple[RecordFile, ...], folder: Path, mirror: str | None, say: Say | None) -> list[RecordFile]:
    if all(file.checksum for file in files):
        return list(files)
    index, source = _index(folder, mirror, say)
    for file in files:
        if index and file.checksum is None and file.name not in index:
            raise InputError(f"Expected {file.name} in the record's index, got {', '.join(index)} ({source}).")
    return [_known(file, index) for file in files]


def _known(file: RecordFile, index: dict[str, RecordFile]) -> RecordFile:
    return file if file.checksum else index.get(file.name, file)


def _index(folder: Path, mirror: str | None, say: Say | None) -> tuple[dict[str, RecordFile], str]:
    """The record's index and where it is from; empty where only a mirror is asked and nobody has one."""
    saved = folder / INDEX_NAME
    with suppress(OSError, InputError):  # none yet, or a damaged one: asked for again
        return read_index(saved.read_bytes(), str(saved)), str(saved)
    try:
        text = read_url(INDEX_URL, LONGEST_INDEX, attempts=ATTEMPTS if mirror is None else 1, say=say)
        index = read_index(text, INDEX_URL)
    except DreamkerasError:
        if mirror is None:
            raise
        return _mirrored_index(f"{check_url(mirror)}/{INDEX_NAME}", say)
    with open_output(str(saved)) as file:  # a published record does not change: the next call needs no network
        file.write(text)
    return index, INDEX_URL


def _mirrored_index(url: str, say: Say | None) -> tuple[dict[str, RecordFile], str]:
    try:
        return read_index(read_url(url, LONGEST_INDEX, say=say), url), url
    except DreamkerasError as error:
        if say:
            say(f"No checksums from {INDEX_URL}, nor from the mirror: {error}")
        return {}, url


def _get(file: RecordFile, address: str, folder: Path, progress: DownloadProgress | None, say: Say | None) -> list[Path]:
    """The file, and the folder it was unpacked into."""
    path = folder / file.name
    if path.exists():
        damage = check_file(path, file)
        if damage:
            raise InputError(f"Expected the published {file.name} or none in {folder}, got another: {damage}. Move it away to get it anew.")
    else:
        transfer(f"{address}/{file.name}", path, file, progress=progress, say=say)
    if not file.name.endswith(ARCHIVE):
        return [path]
    unpacked = folder / file.name.removesuffix(ARCHIVE)
    if not unpacked.is_dir():
        try:
            unpack(path, unpacked)
        except InputError:
            if file.checksum is None:  # as good as never come: the next call must not take it for the published one
                path.unlink()
            raise
    return [path, unpacked]
