"""Regions of a genome, with methods that compute windows around regions and overlaps between regions. This module reads no files."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Regions"]


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
