"""Lists the files of Zenodo record 10633252, the data set that each file belongs to, and the papers to cite.

This module opens no network connection. The function `read_index` parses text that another module has downloaded.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from dreamkeras.errors import InputError

__all__ = ["DATA_CITATION", "DATA_SETS", "FILES_URL", "INDEX_NAME", "INDEX_URL", "DataSet", "RecordFile", "find_data_set", "read_index"]

RECORD = "10633252"

INDEX_URL = f"https://zenodo.org/api/records/{RECORD}"
"""URL of the record's index, which is JSON with the size and MD5 checksum of every file."""

INDEX_NAME = f"{RECORD}.json"
"""Name of the local copy of the index, which is in the folder of the data set."""

FILES_URL = f"https://zenodo.org/records/{RECORD}/files"
"""URL of the folder with the record's files.

The file URLs in the index are not used, because Zenodo ignores Range headers at those URLs.
"""

CHECKSUM = re.compile(r"md5:[0-9a-f]{32}")


class RecordFile(NamedTuple):
    """A file of the Zenodo record.

    Args:
        name: File name.
        size: Size in bytes. None if unknown.
        checksum: MD5 in the form `md5:HEX`. None if unknown.
    """

    name: str
    size: int | None = None
    checksum: str | None = None


class DataSet(NamedTuple):
    """A published data set.

    Args:
        description: One-line description of the content.
        files: Names of the files. Files that end in `.tar.gz` are unpacked.
        command: Command that uses the data set, with a placeholder of the form `{NAME}` for each path.
        inputs: Regular expression for each NAME in the command. The placeholder `{NAME}` is replaced by the first file whose path in the
            folder, in lower case, matches.
        citation: Paper that describes the measurements. If None, the paper in `DATA_CITATION` describes the measurements.
    """

    description: str
    files: tuple[str, ...]
    command: str
    inputs: dict[str, str]
    citation: str | None = None

    def example(self, folder: Path, paths: list[Path]) -> str | None:
        """Returns the command with file paths, quoted for a shell, or None if one of the patterns in `inputs` matches no file."""
        shown = {}
        for name, pattern in self.inputs.items():
            # For each file NAME, archives made on macOS also contain a file `._NAME` with its attributes. Such files are ignored.
            fitting = [path for path in sorted(paths) if re.search(pattern, str(path.relative_to(folder)).lower()) and path.name[0] != "."]
            if not fitting:
                return None
            shown[name] = shlex.quote(str(fitting[0]))
        return self.command.format(**shown)


DATA_CITATION = "Rafi et al., Nature Biotechnology 2024, doi:10.1038/s41587-024-02414-w; data: doi:10.5281/zenodo.10633252 (CC BY 4.0)"
"""Citation of the paper, and of the Zenodo record that contains all data sets."""

DATA_SETS = {
    "yeast": DataSet(
        description="6.7 million random promoters, the test set and its subsets",
        files=(
            "train.txt",
            "val.txt",
            "filtered_test_data_with_MAUDE_expression.txt",
            "test_subset_ids.tar.gz",
            "public_leaderboard_ids.tar.gz",
        ),
        command="dreamkeras train {train} --valid {valid} --model dream-rnn",
        inputs={"train": r"^train\.txt$", "valid": r"^val\.txt$"},
    ),
    "human": DataSet(
        description="lentiMPRA of human cells",
        files=("human_mpra_data.tar.gz",),
        command="dreamkeras train {train} --assay lentimpra --valid-fold 0 --model dream-rnn",
        inputs={"train": r"k562[^/]*$"},
        citation="Agarwal et al., Nature 2025, doi:10.1038/s41586-024-08430-9",
    ),
    "drosophila": DataSet(
        description="STARR-seq of Drosophila S2 cells",
        files=("drosophila_starrseq_data.tar.gz",),
        command="dreamkeras train {train} --assay starrseq --valid {valid} --model dream-rnn",
        inputs={"train": r"train[^/]*$", "valid": r"val[^/]*$"},
        citation="de Almeida et al., Nature Genetics 2022, doi:10.1038/s41588-022-01048-5",
    ),
    "weights": DataSet(
        description="PyTorch weights of every combination of blocks, about 2.3 GB",
        files=("prixfixe_model_weights.tar.gz",),
        command="dreamkeras import-weights {weights} --model dream-rnn --assay yeast",
        inputs={"weights": r"(^|/)0_1_1_0/model_best\.pth$"},
    ),
}
"""Data sets by name. The sizes and checksums of the files are read from the record's index."""


def find_data_set(name: str) -> DataSet:
    """Returns the data set with a given name.

    Raises:
        InputError: The name is unknown. The message lists the known names.
    """
    if name not in DATA_SETS:
        raise InputError(f"Expected one of the data sets {', '.join(DATA_SETS)}, got {name!r}.")
    return DATA_SETS[name]


def read_index(text: bytes, source: str) -> dict[str, RecordFile]:
    """Parses the index of the Zenodo record and returns the files by name.

    Args:
        text: JSON in the form that `INDEX_URL` returns.
        source: Path or URL of the index, for error messages.

    Raises:
        InputError: The text is not the index of the Zenodo record.

    Example:
        >>> text = b'{"files": [{"key": "val.txt", "size": 3, "checksum": "md5:900150983cd24fb0d6963f7d28e17f72"}]}'
        >>> read_index(text, "an example")["val.txt"].size
        3
    """
    try:
        entries = json.loads(text)["files"]
        files = [_record_file(entry) for entry in entries]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"Expected the index of Zenodo record {RECORD}: JSON with key, size and md5 of each file ({source}).") from None
    return {file.name: file for file in files}


def _record_file(entry: dict[str, Any]) -> RecordFile:
    name, size, checksum = entry["key"], entry["size"], entry["checksum"]
    if not (isinstance(name, str) and type(size) is int and size >= 0 and CHECKSUM.fullmatch(checksum)):
        raise ValueError
    return RecordFile(name, size, checksum)
