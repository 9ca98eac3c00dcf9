"""Regions: places of a genome, the windows around them, and which of them overlap. Knows nothing about files."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Regions"]


class Regions(NamedTuple):
    """Places of a genome, in the order of their file.

    Args:
        contigs: n names.
        starts: int64 (n,), the first position, from 0.
        ends: int64 (n,), the position after the last.
        middles: int64 (n,), the summit of each or, where none is given, its middle.
    """

    contigs: list[str]
    starts: np.ndarray
    ends: np.ndarray
    middles: np.ndarray

    def select(self, index: np.ndarray) -> "Regions":
        """The regions at `index` (integers or a boolean mask), in its order."""
        kept = np.arange(len(self.contigs))[index]
        return Regions([self.contigs[row] for row in kept], self.starts[kept], self.ends[kept], self.middles[kept])

    @classmethod
    def joined(cls, parts: Sequence["Regions"]) -> "Regions":
        """The regions of several parts, at least one, one after the other."""
        columns = zip(*(part[1:] for part in parts), strict=True)
        return cls([name for part in parts for name in part.contigs], *map(np.concatenate, columns))

    def windows(self, length: int) -> "Regions":
        """Windows of this many letters with the same middles; of an even number, the middle is the first letter of the second half."""
        starts = self.middles - length // 2
        return self._replace(starts=starts, ends=starts + length)

    def on(self, lengths: Mapping[str, int]) -> np.ndarray:
        """bool (n,): whether each lies on its contig as a whole; `lengths` are the contigs' letters."""
        limits = np.array([lengths[name] for name in self.contigs], np.int64)
        return (self.starts >= 0) & (self.ends <= limits)

    def first_of_each(self) -> np.ndarray:
        """bool (n,): whether no region before it has the same contig, start and end."""
        keys = list(zip(self.contigs, self.starts.tolist(), self.ends.tolist(), strict=True))
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        return np.array([first[key] == row for row, key in enumerate(keys)], bool)

    def overlapping(self, others: "Regions") -> np.ndarray:
        """bool (n,): whether each shares a position with any of the others."""
        found = np.zeros(len(self.contigs), bool)
        contigs, theirs = np.array(self.contigs, str), np.array(others.contigs, str)
        for name in np.intersect1d(contigs, theirs):
            rows, other = np.flatnonzero(contigs == name), theirs == name
            order = np.argsort(others.starts[other], kind="stable")
            starts, reach = others.starts[other][order], np.maximum.accumulate(others.ends[other][order])
            before = np.searchsorted(starts, self.ends[rows])  # so many of them begin before the region ends
            found[rows] = (before > 0) & (reach[before - 1] > self.starts[rows])
        return found

    @property
    def names(self) -> list[str]:
        """`contig:start-end` of each."""
        return [f"{name}:{start}-{end}" for name, start, end in zip(self.contigs, self.starts.tolist(), self.ends.tolist(), strict=True)]
