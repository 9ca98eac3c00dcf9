"""Finds the spans of inserts to ablate: sliding windows, or regions from a BED file."""

from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.genome.regions import Regions
from dreamkeras.sequence.ragged import Ragged

__all__ = ["RegionSpans", "Spans", "slide"]


class Spans(NamedTuple):
    """Spans of inserts, with 0-based and half-open positions.

    Args:
        sequences: Index of the sequence that contains each span, in ascending order, int64 (m,).
        starts: Position of each span's first letter within the insert, int64 (m,).
        ends: Position after each span's last letter, int64 (m,).
    """

    sequences: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def moved(self, distances: np.ndarray) -> "Spans":
        """Returns the spans moved to the right by a distance for each sequence, int64 (n,)."""
        own = distances[self.sequences]
        return Spans(self.sequences, self.starts + own, self.ends + own)


def slide(inserts: Ragged, width: int, step: int) -> Spans:
    """Returns sliding windows along inserts.

    The last window ends at the end of the insert. If an insert is shorter than a window, its only window is the complete insert.
    An empty insert has no window.

    Args:
        inserts: n inserts.
        width: Length of a window.
        step: Distance between the starts of successive windows.

    Raises:
        InputError: The width or the step is below 1.

    Example:
        >>> slide(Ragged.from_strings(["ACGTACGTAC"]), 4, 4).starts
        array([0, 4, 6])
    """
    if width < 1 or step < 1:
        raise InputError(f"Expected a width and a step of at least 1, got a width of {width} and a step of {step}.")
    room = np.maximum(inserts.lengths - width, 0)
    counts = np.where(inserts.lengths > 0, -(-room // step) + 1, 0)
    sequences = np.repeat(np.arange(len(inserts)), counts)
    number = np.arange(len(sequences)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.minimum(number * step, room[sequences])
    return Spans(sequences, starts, np.minimum(starts + width, inserts.lengths[sequences]))


class RegionSpans:
    """Finds the regions that belong to sequences with given names, and records which regions were found.

    Args:
        regions: Regions to ablate. The contigs are names of sequences, and the positions are relative to the inserts.
    """

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._rows: dict[str, list[int]] = {}
        for row, name in enumerate(regions.contigs):
            self._rows.setdefault(name, []).append(row)
        self._met = np.zeros(len(regions.contigs), bool)

    def __len__(self) -> int:
        return len(self._met)

    @property
    def missing(self) -> int:
        """Number of regions whose sequence has not occurred in any call."""
        return int((~self._met).sum())

    def __call__(self, ids: list[str], inserts: Ragged) -> Spans:
        """Returns the regions that belong to the sequences named in `ids`, as spans of `inserts`.

        Raises:
            InputError: A region extends beyond the insert.
        """
        for index, problem in self.problems(ids, inserts.lengths).items():
            raise InputError(f"{problem} in {ids[index]!r}.")
        return Spans(*self._found(ids)[:3])

    def problems(self, ids: list[str], lengths: np.ndarray) -> dict[int, str]:
        """Returns messages for sequences with regions beyond the end of the insert, by index of the sequence.

        All regions of the sequences are marked as found.

        Args:
            ids: n names.
            lengths: Lengths of the inserts, int64 (n,).
        """
        sequences, starts, ends, rows = self._found(ids)
        self._met[rows] = True
        beyond = ends > lengths[sequences]
        problems: dict[int, str] = {}
        for index, start, end in zip(*(column[beyond].tolist() for column in (sequences, starts, ends)), strict=True):
            problems.setdefault(index, f"Expected spans within the insert, got {start}-{end} for an insert of {lengths[index]} letters")
        return problems

    def _found(self, ids: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns the three columns of `Spans`, and the row number of each region in the file."""
        found = [(index, row) for index, name in enumerate(ids) for row in self._rows.get(name, ())]
        sequences, rows = np.array(found, np.int64).reshape(-1, 2).T
        return sequences, self._regions.starts[rows], self._regions.ends[rows], rows
