"""Regions of a genome from BED and narrowPeak files, and the windows around them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.genome import Genome, match_contigs
from dreamkeras.sequence.sources import open_source, source_name

__all__ = ["Bed", "Regions", "read_bed", "read_regions"]

NARROW_PEAK = 10
"""Columns of a narrowPeak file, the last of which tells where the summit is; BED has up to 12 with another meaning of the tenth."""

STRAND = 5
"""Where the column of the strand is, from 0, in BED as in narrowPeak."""

_NO_REGION = ("#", "track ", "track\t", "browser ", "id\tstart\tend\t")
"""What lines begin with that are none; the last is the header of our own tables, of seqlets for one."""


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


class Bed(NamedTuple):
    """What the lines of a file tell.

    Args:
        regions: n places.
        reverse: bool (n,), whether each is on the reverse strand; one without a strand is not.
        lines: int64 (n,), the line of each, from 1.
        path: The file.
    """

    regions: Regions
    reverse: np.ndarray
    lines: np.ndarray
    path: str


class _Row(NamedTuple):
    line: int
    contig: str
    numbers: tuple[int, int, int]
    reverse: bool


def read_regions(path: str, genome: Genome | None = None) -> Regions:
    """The regions of a file, as `read_bed` finds them."""
    return read_bed(path, genome).regions


def read_bed(path: str, genome: Genome | None = None) -> Bed:
    """The regions of a file, plain or gzip, with their strands and lines.

    Args:
        path: BED, three columns or more, or narrowPeak: ten columns, the last of which is the summit's distance from the start, or -1.
        genome: Whose names the contigs take; without one they keep those of the file.

    Raises:
        InputError: The file cannot be read, has no region, a line is none, or its contig is not in the genome; the message names file and
            line.
    """
    name = source_name(path)
    with open_source(path) as source:
        rows = list(_rows(source.stream.read().decode("utf-8"), name))
    if not rows:
        raise InputError(f"Expected at least one region, got none in {name}.")
    contigs = [row.contig for row in rows]
    if genome:
        places = {row.contig: f"{name}, line {row.line}" for row in reversed(rows)}
        names = match_contigs(contigs, genome.lengths, genome.path, places)
        contigs = [names[contig] for contig in contigs]
    regions = Regions(contigs, *np.array([row.numbers for row in rows], np.int64).T)
    return Bed(regions, np.array([row.reverse for row in rows]), np.array([row.line for row in rows], np.int64), path)


def _rows(text: str, path: str) -> Iterator[_Row]:
    """The lines that are regions."""
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip() or row.startswith(_NO_REGION):
            continue
        cells = row.split("\t") if "\t" in row else row.split()
        try:
            yield _Row(line, cells[0].strip(), _numbers(cells), cells[STRAND : STRAND + 1] == ["-"])
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
