"""Reads the test subsets of the Random Promoter DREAM Challenge: rows, or pairs of rows, of the yeast test file.

Each subset has a weight in the score.

The files are in the repository of the DREAM Challenge, in `data/test_subset_ids` and `data/public_leaderboard_ids`.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.documents import read_json
from dreamkeras.files.inputs import source_name
from dreamkeras.formats.decimals import is_whole, parse_whole
from dreamkeras.formats.reading import open_table
from dreamkeras.formats.tables import Table, find_column
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["SUBSETS", "RowSequences", "Subset", "read_subsets"]

SINGLE, PAIRED = ("pos",), ("alt_pos", "ref_pos")
"""Columns with row numbers in the file of a subset, for subsets of rows and of pairs. The row numbers are counted from 0."""


class Subset(NamedTuple):
    """A test subset of the DREAM Challenge.

    Args:
        weight: Weight of the subset in the score. The weights of all subsets do not sum to 1.
        file: Table with the rows or pairs of the subset. If None, the subset contains all rows.
        public: File with the rows or pairs of the public leaderboard, which are excluded from the final score.
        paired: Whether the subset consists of pairs. For pairs, correlations are computed from differences between the alternative and the
            reference sequence.
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
"""The nine test subsets for the score of the DREAM Challenge (Rafi et al. 2024)."""


class RowSequences(NamedTuple):
    """The sequences of the yeast test file. The row numbers of subsets refer to this file.

    Args:
        letters: Windows of the test file, uint8 (rows, length).
        construct: Construct of the windows.
    """

    letters: np.ndarray
    construct: Construct


def read_subsets(
    folder: str | Path, rows: int, public: str | Path | None = None, test: RowSequences | None = None
) -> dict[str, np.ndarray]:
    """Reads the test subsets of the DREAM Challenge whose files are in a folder.

    Args:
        folder: Folder with the tables of the subsets. Each table has the columns in `SINGLE` or in `PAIRED`. Repeated rows or pairs in a
            table are used once.
        rows: Number of rows of the test file.
        public: Folder of the public leaderboard, with one JSON file per subset. The keys in a JSON file are row numbers, or pairs of row
            numbers in the form `alt,ref`. Each row in any of the files, alone or in a pair, is excluded from every subset of rows. A pair
            is excluded only from the subset of its own file. If None, no rows are excluded.
        test: Sequences of the test file. If a table of a subset contains sequences, these sequences must be equal to the sequences of the
            test file. If None, sequences are not compared.

    Returns:
        Row numbers by name of the subset, in the order of `SUBSETS`. Each array is int64 (n,), or int64 (n, 2) for pairs of an alternative
        and a reference row. The subset `all` contains all rows that are not excluded.

    Raises:
        InputError: The folder has no file of a subset, a file is malformed, or the test file lacks a row of a subset or has a different
            sequence in this row.
    """
    for given in (folder, public):
        if given is not None and Path(given).is_file():
            raise InputError(f"Expected a folder, got a file: {given}.")
    found = {name: Path(folder) / subset.file for name, subset in SUBSETS.items() if subset.file and (Path(folder) / subset.file).is_file()}
    if not found:
        files = ", ".join(subset.file for subset in SUBSETS.values() if subset.file)
        raise InputError(f"The folder {folder} has none of the files with test subsets: {files}.")
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
    """Reads row numbers from a batch of the table of a subset, int64 (n, columns)."""
    cells = list(zip(*table.columns, strict=True))
    for line, row in zip(table.lines, cells, strict=True):
        if not all(is_whole(cell) and int(cell) < rows for cell in row):
            came = " and ".join(map(repr, row))
            where = f"{source_name(table.source)}, {table.unit} {line}"
            raise InputError(f"Expected row numbers of the test file from 0 to {rows - 1}, got {came} ({where}).")
    return np.array(cells, np.int64)


def _compare(table: Table, rows: np.ndarray, texts: list[str], test: RowSequences | None) -> None:
    """Checks that the test file has the same sequences as the table of a subset.

    Sequences that do not fit the construct are not compared.
    """
    if test is None:
        return
    sequences = Ragged.from_strings(texts)
    fitting = np.setdiff1d(np.arange(len(rows)), list(test.construct.problems(sequences)))
    different = (test.construct.windows(sequences.select(fitting)) != test.letters[rows[fitting]]).any(axis=1)
    for place in fitting[different][:1]:
        raise InputError(
            f"Row {rows[place]} of the test file differs from the sequence in {source_name(table.source)}, "
            f"{table.unit} {table.lines[place]}. "
            "Use the test file of the DREAM Challenge in its original order."
        )


def _read_public(path: Path, paired: bool) -> np.ndarray:
    content = read_json(path)
    try:
        keys = [[parse_whole(number) for number in key.split(",")] for key in content]
        return np.array(keys, np.int64).reshape(len(keys), 2 if paired else 1)
    except (TypeError, AttributeError, ValueError) as error:
        wanted = "pairs of rows as alt,ref" if paired else "row numbers"
        raise InputError(f"Expected {path} to contain a JSON object whose keys are {wanted}: {error}.") from None


def _without(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    if values.ndim == 1:
        return np.setdiff1d(values, used)
    key = np.array([1 << 32, 1])
    return values[~np.isin(values @ key, used @ key)]
