"""The challenge's test subsets: which rows of the yeast test file each has, or which pairs of rows, and how much it counts.

The files are those of the challenge's repository, `data/test_subset_ids` and `data/public_leaderboard_ids`.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.decimals import is_whole, parse_whole
from dreamkeras.formats.reading import open_table
from dreamkeras.formats.tables import Table, find_column
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["SUBSETS", "RowSequences", "Subset", "read_subsets"]

SINGLE, PAIRED = ("pos",), ("alt_pos", "ref_pos")
"""The columns of a subset's file; rows are counted from 0."""


class Subset(NamedTuple):
    """A subset of the challenge's score.

    Args:
        weight: Its share is this divided by the sum of all.
        file: Table of its rows or pairs; None for all rows.
        public: Those that the public leaderboard used, which do not count in the final score.
        paired: Whether differences between paired sequences are compared, alternative minus reference.
    """

    weight: float
    file: str | None = None
    public: str | None = None
    paired: bool = False


SUBSETS = {
    "all": Subset(1.0),
    "high expression": Subset(0.3, "high_exp_seqs.csv", "high_exp_indices.json"),
    "low expression": Subset(0.3, "low_exp_seqs.csv", "low_exp_indices.json"),
    "yeast": Subset(0.3, "yeast_seqs.csv", "yeast_exp_indices.json"),
    "random": Subset(0.3, "all_random_seqs.csv", "random_exp_indices.json"),
    "challenging": Subset(0.5, "challenging_seqs.csv", "challenging_exp_indices.json"),
    "SNVs": Subset(1.25, "all_SNVs_seqs.csv", "SNVs_exp_indices.json", paired=True),
    "motif perturbation": Subset(0.3, "motif_perturbation_seqs.csv", "motif_perturbation_exp_indices.json", paired=True),
    "motif tiling": Subset(0.4, "motif_tiling_seqs.csv", "motif_tiling_exp_indices.json", paired=True),
}
"""The nine parts of the challenge's score (Rafi et al. 2024)."""


class RowSequences(NamedTuple):
    """The sequences that the subsets' row numbers mean.

    Args:
        letters: uint8 (rows, length), windows of the test file.
        construct: That of the windows.
    """

    letters: np.ndarray
    construct: Construct


def read_subsets(
    folder: str | Path, rows: int, public: str | Path | None = None, test: RowSequences | None = None
) -> dict[str, np.ndarray]:
    """The subsets whose files a folder holds, and all rows.

    Args:
        folder: Tables with the columns of `SINGLE` or `PAIRED`; a repeated row or pair counts once.
        rows: Rows of the test file.
        public: Folder of the rows of the public leaderboard, one JSON object a subset whose keys are rows, or pairs as `alt,ref`. A row
            that is used anywhere there is left out of every subset of rows, a pair out of its own subset. None leaves nothing out.
        test: Held against the sequences in the tables, where they hold some; None holds nothing against them.

    Returns:
        By name, in the order of `SUBSETS`: int64 (n,) row numbers, or (n, 2) those of alternative and reference.

    Raises:
        InputError: The folder holds none of the files, one of them is none, or a row is not in the test file or another sequence there.
    """
    found = {name: Path(folder) / subset.file for name, subset in SUBSETS.items() if subset.file and (Path(folder) / subset.file).is_file()}
    if not found:
        files = ", ".join(subset.file for subset in SUBSETS.values() if subset.file)
        raise InputError(f"Expected a folder with test subsets ({files}), got none of them in {folder}.")
    used = {name: _read_public(Path(public) / subset.public, subset.paired) for name, subset in SUBSETS.items() if public and subset.public}
    seen = np.unique(np.concatenate([values.ravel() for values in used.values()])) if used else np.empty(0, np.int64)
    read = {name: _read_subset(path, SUBSETS[name].paired, rows, test) for name, path in found.items()}
    left = {name: _without(values, used[name] if values.ndim == 2 else seen) if used else values for name, values in read.items()}
    return {"all": np.setdiff1d(np.arange(rows), seen), **left}


def _read_subset(path: Path, paired: bool, rows: int, test: RowSequences | None) -> np.ndarray:
    columns = PAIRED if paired else SINGLE
    sequences = [column.replace("pos", "sequence") for column in columns]
    with open_table(str(path)) as table:
        asked = [*columns, *sequences] if test and set(sequences) <= set(table.layout.names or ()) else columns
        positions = [find_column(table.layout, column, str(path)) for column in asked]
        batches = []
        for batch in table.rows(positions):
            batches.append(_positions(batch._replace(columns=batch.columns[: len(columns)]), rows))
            for row, texts in enumerate(batch.columns[len(columns) :]):
                _compare(batch, batches[-1][:, row], texts, test)
    values = np.unique(np.concatenate(batches), axis=0)
    return values if paired else values[:, 0]


def _positions(table: Table, rows: int) -> np.ndarray:
    """int64 (n, columns): the row numbers in a batch of a subset's table."""
    cells = list(zip(*table.columns, strict=True))
    for line, row in zip(table.lines, cells, strict=True):
        if not all(is_whole(cell) and int(cell) < rows for cell in row):
            came = " and ".join(map(repr, row))
            where = f"{source_name(table.source)}, line {line}"
            raise InputError(f"Expected row numbers from 0 to {rows - 1}, the rows of the test file, got {came} ({where}).")
    return np.array(cells, np.int64)


def _compare(table: Table, rows: np.ndarray, texts: list[str], test: RowSequences | None) -> None:
    """Refuses a test file with other sequences in these rows, as far as they fit its construct."""
    if test is None:
        return
    sequences = Ragged.from_strings(texts)
    fitting = np.setdiff1d(np.arange(len(rows)), list(test.construct.problems(sequences)))
    different = (test.construct.windows(sequences.select(fitting)) != test.letters[rows[fitting]]).any(axis=1)
    for place in fitting[different][:1]:
        raise InputError(
            f"Expected the challenge's test file in its order, got another sequence in its row {rows[place]} than "
            f"{source_name(table.source)}, line {table.lines[place]}, has for it."
        )


def _read_public(path: Path, paired: bool) -> np.ndarray:
    try:
        keys = [[parse_whole(number) for number in key.split(",")] for key in json.loads(path.read_text())]
        return np.array(keys, np.int64).reshape(len(keys), 2 if paired else 1)
    except (OSError, ValueError) as error:
        wanted = "pairs of rows as alt,ref" if paired else "row numbers"
        raise InputError(f"Expected a JSON object whose keys are {wanted} in {path}, got: {error}.") from None


def _without(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    if values.ndim == 1:
        return np.setdiff1d(values, used)
    key = np.array([1 << 32, 1])
    return values[~np.isin(values @ key, used @ key)]
