"""Writes explanations in the formats of motif discovery tools: arrays for tfmodisco-lite, and motifs in MEME format.

The files include the names and coordinates of sequences. The motif discovery tools are not imported.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dreamkeras.explain.explanation import Explanation, first_positions
from dreamkeras.explain.seqlets import RULE, Rule, find_seqlets, seqlet_matrices
from dreamkeras.files.bgzip import BgzipWriter
from dreamkeras.files.folders import open_folder
from dreamkeras.files.outputs import naming_output, open_text
from dreamkeras.sequence.alphabet import BASES, ONE_HOT
from dreamkeras.sequence.ragged import Ragged

__all__ = ["MemeFile", "ModiscoFolder", "in_channels", "open_meme", "open_modisco"]

MEME_HEAD = f"""MEME version 4

ALPHABET= {BASES}

strands: + -

Background letter frequencies
{" ".join(f"{base} {1 / len(BASES)}" for base in BASES)}

"""


def in_channels(inserts: Ragged, rows: np.ndarray, length: int) -> np.ndarray:
    """Converts values of letters to the layout of tfmodisco-lite and tangermeme.

    Args:
        inserts: n sequences.
        rows: Array (letters of all inserts, 4) with a value for each letter and base.
        length: Length of the returned array. Values after the end of an insert are 0.

    Returns:
        An array (n, 4, length) with the same data type as `rows`.

    Example:
        >>> inserts = Ragged.from_strings(["AC", "G"])
        >>> in_channels(inserts, ONE_HOT[inserts.flat], 2)[0].tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    """
    padded = np.zeros((len(inserts), length, rows.shape[1]), rows.dtype)
    padded[np.arange(length) < inserts.lengths[:, None]] = rows
    return np.ascontiguousarray(padded.transpose(0, 2, 1))


class ModiscoFolder:
    """Collects the input for tfmodisco-lite. Instances are created by `open_modisco`."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._positions: list[np.ndarray] = []
        self._inserts: list[Ragged] = []
        self._hypothetical: list[np.ndarray] = []

    def write(self, found: Explanation) -> None:
        """Adds sequences."""
        self._ids += found.ids
        self._positions.append(first_positions(found))
        self._inserts.append(found.inserts)
        self._hypothetical.append(found.hypothetical())

    def save(self, folder: Path, tasks: Sequence[str]) -> None:
        """Writes `ohe.npz`, `hypothetical.npz` and `sequences.bed`.

        With several tasks, one file of hypothetical contributions per task is written.
        """
        inserts = Ragged.from_lengths(
            np.concatenate([part.flat for part in self._inserts]), np.concatenate([part.lengths for part in self._inserts])
        )
        longest = int(inserts.lengths.max())
        longest += longest % 2  # tfmodisco-lite requires windows of an even length
        _save(folder / "ohe.npz", in_channels(inserts, (ONE_HOT[inserts.flat] == 1).astype(np.int8), longest))
        hypothetical = np.concatenate(self._hypothetical)
        for number, task in enumerate(tasks):
            name = "hypothetical.npz" if len(tasks) == 1 else f"hypothetical.{task.replace('/', '_')}.npz"
            _save(folder / name, in_channels(inserts, hypothetical[:, :, number], longest))
        with naming_output(str(folder)):
            places = zip(self._ids, np.concatenate(self._positions).tolist(), strict=True)
            rows = (f"{_word(name)}\t{first}\t{first + longest}\t{_word(name)}\t0\n" for name, first in places)
            (folder / "sequences.bed").write_text("".join(rows), encoding="utf-8")


@contextmanager
def open_modisco(folder: Path, tasks: Sequence[str]) -> Iterator[ModiscoFolder]:
    """Opens a folder for the input of the command `modisco motifs -s ohe.npz -a hypothetical.npz`.

    The folder appears when the `with` block ends without an error.

    Arrays have the shape (n, 4, length). The length is the length of the longest insert, rounded up to an even number. Bases are in the
    order A, C, G, T, and values after the end of an insert are 0. All arrays are kept in memory, as in tfmodisco-lite. `sequences.bed`
    lists the names of the sequences in the order of the arrays, for `modisco seqlet-bed`.

    Raises:
        DreamkerasError: The folder is not empty, or cannot be written.
    """
    with open_folder(folder) as unfinished:
        gathered = ModiscoFolder()
        yield gathered
        gathered.save(unfinished, tasks)


class MemeFile:
    """Writes seqlets as MEME motifs. Instances are created by `open_meme`."""

    def __init__(self, file: BinaryIO | BgzipWriter, path: str, rule: Rule) -> None:
        self._file, self._path, self._rule = file, path, rule
        self._count = 0
        self._put(MEME_HEAD)

    def write(self, found: Explanation) -> None:
        """Writes the seqlets of sequences for each task."""
        hypothetical = found.hypothetical()
        for task, importance in enumerate(found.importance().T):
            seqlets = find_seqlets(found.inserts, importance, self._rule)
            matrices = seqlet_matrices(found.inserts, hypothetical[:, :, task], seqlets)
            first = first_positions(found)[seqlets.sequences]
            for row, start, end, matrix in zip(seqlets.sequences, first + seqlets.starts, first + seqlets.ends, matrices, strict=True):
                self._count += 1
                rows = "".join(f" {a:.6f} {c:.6f} {g:.6f} {t:.6f}\n" for a, c, g, t in matrix.tolist())
                size = f"alength= {len(BASES)} w= {len(matrix)} nsites= 1 E= 0"
                self._put(f"MOTIF {_word(found.ids[row])}:{start}-{end} {self._count}\nletter-probability matrix: {size}\n{rows}\n")

    def _put(self, text: str) -> None:
        with naming_output(self._path):
            self._file.write(text.encode())


@contextmanager
def open_meme(path: str, rule: Rule = RULE) -> Iterator[MemeFile]:
    """Opens a file for MEME motifs. Each seqlet is a motif with the name `NAME:START-END NUMBER`.

    The file appears when the `with` block ends without an error.

    Raises:
        DreamkerasError: The file cannot be written.
    """
    with open_text(path) as file:
        yield MemeFile(file, path, rule)


def _save(path: Path, array: np.ndarray) -> None:
    with naming_output(str(path)):
        np.savez_compressed(path, array)


def _word(name: str) -> str:
    """Replaces white space in a name, because white space would end the name in MEME and BED files."""
    return "_".join(name.split()) or "_"
