"""Regions of a genome, with methods that compute windows around regions and overlaps between regions, and the regions of a BED file.

This module reads no files.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Bed", "Regions"]


class Regions(NamedTuple):
    """Regions of a genome, in the order in which they were read.

    Args:
        contigs: Contig of each of the n regions.
        starts: First position of each region, counted from 0, int64 (n,).
        ends: Position after the last position of each region, int64 (n,).
        middles: Summit of each region, or its middle if it has no summit, int64 (n,).
    """

    contigs: list[str]
    starts: np.ndarray
    ends: np.ndarray
    middles: np.ndarray

    def select(self, index: np.ndarray) -> "Regions":
        """Returns the regions at `index` (integers or a boolean mask), in the order of `index`."""
        kept = np.arange(len(self.contigs))[index]
        return Regions([self.contigs[row] for row in kept], self.starts[kept], self.ends[kept], self.middles[kept])

    @classmethod
    def joined(cls, parts: Sequence["Regions"]) -> "Regions":
        """Concatenates one or more sets of regions."""
        columns = zip(*(part[1:] for part in parts), strict=True)
        return cls([name for part in parts for name in part.contigs], *map(np.concatenate, columns))

    def windows(self, length: int) -> "Regions":
        """Returns a window of a given length around the middle of each region.

        If the length is even, the middle of the region is the first position in the second half of the window.
        """
        starts = self.middles - length // 2
        return self._replace(starts=starts, ends=starts + length)

    def on(self, lengths: Mapping[str, int]) -> np.ndarray:
        """Returns whether each region lies completely within its contig, bool (n,). `lengths` gives the length of each contig."""
        limits = np.array([lengths[name] for name in self.contigs], np.int64)
        return (self.starts >= 0) & (self.ends <= limits)

    def first_of_each(self) -> np.ndarray:
        """Returns whether each region differs in contig, start or end from all earlier regions, bool (n,)."""
        keys = list(zip(self.contigs, self.starts.tolist(), self.ends.tolist(), strict=True))
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        return np.array([first[key] == row for row, key in enumerate(keys)], bool)

    def overlapping(self, others: "Regions") -> np.ndarray:
        """Returns whether each region overlaps any region in `others`, bool (n,)."""
        found = np.zeros(len(self.contigs), bool)
        contigs, theirs = np.array(self.contigs, str), np.array(others.contigs, str)
        for name in np.intersect1d(contigs, theirs):
            rows, other = np.flatnonzero(contigs == name), theirs == name
            order = np.argsort(others.starts[other], kind="stable")
            starts, reach = others.starts[other][order], np.maximum.accumulate(others.ends[other][order])
            before = np.searchsorted(starts, self.ends[rows])  # number of `others` that begin before the region ends
            found[rows] = (before > 0) & (reach[before - 1] > self.starts[rows])
        return found

    @property
    def names(self) -> list[str]:
        """Names of the regions. A name such as ``chr1:1000-1200`` consists of contig, 0-based start and end."""
        return [f"{name}:{start}-{end}" for name, start, end in zip(self.contigs, self.starts.tolist(), self.ends.tolist(), strict=True)]


class Bed(NamedTuple):
    """The regions of a BED file.

    Args:
        regions: The n regions.
        reverse: Whether each region is on the reverse strand, bool (n,). False for regions without a strand.
        lines: Line number of each region, counted from 1, int64 (n,).
        path: Path of the file.
        contigs: Name of the contig of each region in the file. In `regions`, contigs have their names in the genome.
        names: Name of each region in column 4, which may be empty. None if the names were not requested.
        about_lacking: Sentence that counts the regions that were skipped because the genome lacks their contigs. Empty if there are none.
        about_middles: Sentence that states whether regions are centred on their summit or their middle.
        about_strands: Sentence that explains why column 6 is not used as strands. Empty if column 6 is used as strands or contains no `-`.
    """

    regions: Regions
    reverse: np.ndarray
    lines: np.ndarray
    path: str
    contigs: list[str]
    names: list[str] | None = None
    about_lacking: str = ""
    about_middles: str = ""
    about_strands: str = ""

    def select(self, index: np.ndarray) -> "Bed":
        """Returns the regions at `index` (integers or a boolean mask), in the order of `index`."""
        rows = np.arange(len(self.lines))[index]
        names = None if self.names is None else [self.names[row] for row in rows]
        contigs = [self.contigs[row] for row in rows]
        return self._replace(
            regions=self.regions.select(rows), reverse=self.reverse[rows], lines=self.lines[rows], contigs=contigs, names=names
        )
