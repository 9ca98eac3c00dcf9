"""The statuses of variants, and how many alleles have each."""

from collections import Counter
from enum import IntEnum
from typing import NamedTuple

import numpy as np

__all__ = ["COMPARED", "MEANINGS", "WORDS", "Status", "StatusCounts"]


class Status(IntEnum):
    """Why an allele was scored or not; the first in this order that is true of it, but for `OK`."""

    OK = 0
    MALFORMED = 1
    SYMBOLIC = 2
    BREAKEND = 3
    MISSING = 4
    NOT_LETTERS = 5
    NOT_IN_GENOME = 6
    OUTSIDE = 7
    REF_MISMATCH = 8
    SAME_AS_REF = 9
    ONE_ADAPTER = 10
    OTHER_STRAND = 11
    TOO_SHORT = 12
    TOO_LONG = 13


WORDS = tuple(status.name.lower() for status in Status)
"""The word of each status in outputs, also in a VCF."""

MEANINGS = {
    Status.OK: "was scored",
    Status.MALFORMED: "is on a malformed line: fewer than 8 columns, an empty column, or a POS that is not a number",
    Status.SYMBOLIC: "is symbolic, such as <DEL>",
    Status.BREAKEND: "is a breakend, such as N[chr2:7[",
    Status.MISSING: "is ., * or empty",
    Status.NOT_LETTERS: "has a letter that is not DNA in ALT or REF",
    Status.NOT_IN_GENOME: "is on a contig that is not in the genome",
    Status.OUTSIDE: "extends beyond its contig",
    Status.REF_MISMATCH: "has a REF that differs from the genome",
    Status.SAME_AS_REF: "has the same bases as REF",
    Status.ONE_ADAPTER: "has only one of the two adapters, or its reference has",
    Status.OTHER_STRAND: "has the adapters of the other strand, or its reference has: it is a reverse complement",
    Status.TOO_SHORT: "is shorter than the construct's inserts, or its reference is",
    Status.TOO_LONG: "does not fit into the window after trimming, or its reference does not",
}
"""The meaning of each status."""

COMPARED = (Status.OK, Status.REF_MISMATCH, Status.SAME_AS_REF, Status.TOO_LONG)
"""Those whose reference was compared with the genome."""


class StatusCounts(NamedTuple):
    """Allele counts by status.

    Args:
        records: Records, or rows of a table.
        counts: Alleles of each status.
        first: The line of the first of each.
    """

    records: int
    counts: Counter[Status]
    first: dict[Status, int]

    @classmethod
    def empty(cls) -> "StatusCounts":
        """Of nothing."""
        return cls(0, Counter(), {})

    def plus(self, statuses: np.ndarray, records: np.ndarray, lines: np.ndarray) -> "StatusCounts":
        """With a further batch.

        Args:
            statuses: uint8 (rows,), `Status` of each allele.
            records: int64 (rows,), the record of each.
            lines: int64 (n,), the line of each record, from 1.
        """
        found, rows, counts = np.unique(statuses, return_index=True, return_counts=True)
        kinds = [Status(code) for code in found.tolist()]
        first = {kind: int(lines[records[row]]) for kind, row in zip(kinds, rows, strict=True)}
        added = Counter(dict(zip(kinds, counts.tolist(), strict=True)))
        return StatusCounts(self.records + len(lines), self.counts + added, {**first, **self.first})

    @property
    def mismatches(self) -> tuple[int, int]:
        """Alleles whose reference is not the genome's, and those whose reference was compared."""
        return self.counts[Status.REF_MISMATCH], sum(self.counts[status] for status in COMPARED)

    def words(self) -> dict[str, int]:
        """Alleles of each status that there is, JSON-able."""
        return {WORDS[status]: count for status, count in sorted(self.counts.items())}

    def lines(self, *, genome: bool) -> list[str]:
        """A summary for the user; `genome` says whether references were compared with one."""
        total = sum(self.counts.values())
        of = f"{total:,} alternative alleles of {self.records:,} records" if genome else f"{total:,} pairs of sequences"
        told = [f"Scored {self.counts[Status.OK]:,} of {of}."]
        told += [
            f"{WORDS[status]}: {self.counts[status]:,} (the first in line {self.first[status]:,})"
            for status in sorted(self.counts.keys() - {Status.OK})
        ]
        wrong, compared = self.mismatches
        if genome and compared:
            told.append(f"REF is not the genome's in {wrong:,} of {compared:,} alleles compared ({100 * wrong / compared:.3g} %).")
        return told
