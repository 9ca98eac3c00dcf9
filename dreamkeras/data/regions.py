"""Regions of a genome from BED and narrowPeak files, and the windows around them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.genome import Genome, match_contigs
from dreamkeras.sequence.sources import open_source, source_name

__all__ = ["Regions", "read_regions"]

NARROW_PEAK = 10
"""Columns of a narrowPeak file, the last of which tells where the summit is; BED has up to 12 with another meaning of the tenth."""

_NO_REGION = ("#", "track ", "track\t", "browser ")


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


def read_regions(path: str, genome: Genome | None = None) -> Regions:
    """The regions of a file, plain or gzip.

    Args:
        path: BED, three columns or more, or narrowPeak: ten columns, the last of which is the summit's distance from the start, or -1.
        genome: Whose names the contigs take; without one they keep those of the file.

    Raises:
        InputError: The file cannot be read, has no region, a line is none, or its contig is not in the genome; the message names file and
            line.
    """
    with open_source(path) as source:
        rows = list(_rows(source.stream.read().decode("utf-8"), source_name(path)))
    if not rows:
        raise InputError(f"Expected at least one region, got none in {source_name(path)}.")
    contigs = [name for _, name, _ in rows]
    if genome:
        places = {name: f"{source_name(path)}, line {line}" for line, name, _ in reversed(rows)}
        names = match_contigs(contigs, genome.lengths, genome.path, places)
        contigs = [names[name] for name in contigs]
    return Regions(contigs, *np.array([numbers for *_, numbers in rows], np.int64).T)


def _rows(text: str, path: str) -> Iterator[tuple[int, str, tuple[int, int, int]]]:
    """The number of each line that is a region, its contig, and its start, end and middle."""
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip() or row.startswith(_NO_REGION):
            continue
        cells = row.split("\t") if "\t" in row else row.split()
        try:
            yield line, cells[0].strip(), _numbers(cells)
        except (ValueError, IndexError):
            wanted = "contig, start and end of a region, and a summit within it where there are ten columns"
            raise InputError(f"Expected {wanted}, got {row[:60]!r} ({path}, line {line}).") from None


def _numbers(cells: list[str]) -> tuple[int, int, int]:
    """Start, end and middle; a ValueError or an IndexError where these are none."""
    start, end = int(cells[1]), int(cells[2])
    summit = int(cells[9]) if len(cells) == NARROW_PEAK else -1
    if not 0 <= start < end or not -1 <= summit < end - start:
        raise ValueError
    return start, end, start + (summit if summit >= 0 else (end - start) // 2)
