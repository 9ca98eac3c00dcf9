"""Downloads the published data sets, verifies every file and unpacks archives. Existing files are not downloaded again."""

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
    """A downloaded data set.

    Args:
        folder: Folder with the files.
        paths: Paths of the files. The path of an archive is followed by the folder into which it was unpacked.
        unchecked: Names of the files whose checksums are unknown.
        command: Command that uses the data set. None if the archives lack a file that the command needs.
    """

    folder: Path
    paths: tuple[Path, ...]
    unchecked: tuple[str, ...]
    command: str | None


def download(
    name: str, folder: Path, mirror: str | None = None, *, progress: DownloadProgress | None = None, say: Say | None = None
) -> Download:
    """Downloads the missing files of a data set. After a failure, the next call resumes the download.

    Sizes and checksums are read from the index of the Zenodo record. The index is read from the copy in the folder. If there is no copy, it
    is read from Zenodo, and if that fails, from the mirror. If a mirror is used and no index is available, `unchecked` in the result lists
    the files that could not be verified.

    Args:
        name: A key of `DATA_SETS`.
        folder: Folder for the files. A missing folder is created.
        mirror: URL of a folder that holds copies of the files under the same names as on Zenodo. If None, files are downloaded from Zenodo.
        progress: Function that is called with the name of a file, the number of downloaded bytes and the total number of bytes.
        say: Function that is called with a message about each pause, each repeated attempt and each missing checksum.

    Raises:
        InputError: The data set is unknown, a file in the folder differs from the published file, or an archive is unsafe to unpack.
        DreamkerasError: A file could not be downloaded or written. The next call resumes from the downloaded bytes.
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
    """Returns the files of all data sets, each paired with the name of its data set.

    Missing sizes and checksums are read from Zenodo if possible.

    Args:
        say: Function that is called with a message if the index of the Zenodo record cannot be read.
    """
    try:
        index = read_index(read_url(INDEX_URL, LONGEST_INDEX, attempts=1), INDEX_URL)
    except DreamkerasError as error:
        index = {}
        if say:
            say(f"Cannot read the index of the Zenodo record, so some sizes are unknown: {error}")
    return [(name, index.get(file, RecordFile(file))) for name, data_set in DATA_SETS.items() for file in data_set.files]


def _with_checksums(names: tuple[str, ...], folder: Path, mirror: str | None, say: Say | None) -> list[RecordFile]:
    index, source = _index(folder, mirror, say)
    for name in names:
        if index and name not in index:
            raise InputError(f"The index of the Zenodo record has no file {name}. Files: {', '.join(index)} ({source}).")
    return [index.get(name, RecordFile(name)) for name in names]


def _index(folder: Path, mirror: str | None, say: Say | None) -> tuple[dict[str, RecordFile], str]:
    """Returns the index of the Zenodo record, and the path or URL of the index.

    The index is empty if a mirror is used and no index is available.
    """
    saved = folder / INDEX_NAME
    with suppress(OSError, InputError):  # A missing or damaged copy of the index is downloaded again.
        return read_index(saved.read_bytes(), str(saved)), str(saved)
    try:
        text = read_url(INDEX_URL, LONGEST_INDEX, attempts=ATTEMPTS if mirror is None else 1, say=say)
        index = read_index(text, INDEX_URL)
    except DreamkerasError:
        if mirror is None:
            raise
        return _mirrored_index(f"{check_url(mirror)}/{INDEX_NAME}", say)
    with open_output(str(saved)) as file:  # The index of a published record never changes, so the next call can use this copy.
        file.write(text)
    return index, INDEX_URL


def _mirrored_index(url: str, say: Say | None) -> tuple[dict[str, RecordFile], str]:
    try:
        return read_index(read_url(url, LONGEST_INDEX, say=say), url), url
    except DreamkerasError as error:
        if say:
            say(f"Cannot read checksums from {INDEX_URL} or from the mirror: {error}")
        return {}, url


def _get(file: RecordFile, address: str, folder: Path, progress: DownloadProgress | None, say: Say | None) -> list[Path]:
    """Downloads a file if it is missing, and unpacks it if it is an archive.

    Returns the path of the file and, for an archive, the folder into which it was unpacked.
    """
    path = folder / file.name
    if path.exists():
        damage = check_file(path, file)
        if damage:
            raise InputError(f"{path} is not the published file: expected {damage}. Move the file elsewhere and repeat the download.")
    else:
        transfer(f"{address}/{file.name}", path, file, progress=progress, say=say)
    if not file.name.endswith(ARCHIVE):
        return [path]
    unpacked = folder / file.name.removesuffix(ARCHIVE)
    if not unpacked.is_dir():
        try:
            unpack(path, unpacked)
        except InputError:
            if file.checksum is None:  # Without a checksum, the next call would treat the damaged archive as the published file.
                path.unlink()
            raise
    return [path, unpacked]
