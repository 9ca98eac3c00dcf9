"""Defines the statuses of variants, and counts alleles by status."""

from collections import Counter
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import counted

__all__ = ["COMPARED", "MEANINGS", "WORDS", "Status", "StatusCounts"]


class Status(IntEnum):
    """Reason why an allele was not scored, or `OK`. If several reasons apply, the reason with the lowest number is used."""

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
"""Name of each status in output files, including VCF."""

MEANINGS = {
    Status.OK: "the allele was scored",
    Status.MALFORMED: "the line is malformed: fewer than 8 columns, an empty column, or a POS that is not a number",
    Status.SYMBOLIC: "ALT is symbolic, such as <DEL>",
    Status.BREAKEND: "ALT is a breakend, such as N[chr2:7[",
    Status.MISSING: "ALT is ., * or empty",
    Status.NOT_LETTERS: "ALT or REF has a letter that is not DNA",
    Status.NOT_IN_GENOME: "the contig is not in the genome",
    Status.OUTSIDE: "the allele extends beyond its contig",
    Status.REF_MISMATCH: "REF differs from the genome",
    Status.SAME_AS_REF: "ALT has the same bases as REF",
    Status.ONE_ADAPTER: "the allele or its reference has only one of the two adapters",
    Status.OTHER_STRAND: "the allele or its reference is a reverse complement, with the adapters of the other strand",
    Status.TOO_SHORT: "the allele or its reference is shorter than the minimum length of an insert",
    Status.TOO_LONG: "the allele or its reference does not fit into the window after trimming",
}
"""Meaning of each status."""

COMPARED = (Status.OK, Status.REF_MISMATCH, Status.SAME_AS_REF, Status.TOO_LONG)
"""Statuses of alleles whose REF was compared with the genome."""


class StatusCounts(NamedTuple):
    """Allele counts by status.

    Args:
        records: Number of records in the VCF, or number of rows in the table.
        counts: Number of alleles with each status.
        first: For each status, the line number of the first allele.
        unit: Unit of the numbers in `first`: `"line"`, or `"row"` for Parquet.
    """

    records: int
    counts: Counter[Status]
    first: dict[Status, int]
    unit: str = "line"

    @classmethod
    def empty(cls) -> "StatusCounts":
        """Returns counts of zero."""
        return cls(0, Counter(), {})

    def plus(self, statuses: np.ndarray, records: np.ndarray, lines: np.ndarray, unit: str = "line") -> "StatusCounts":
        """Returns the sum of these counts and the counts of a batch.

        Args:
            statuses: `Status` of each allele, uint8 (rows,).
            records: Index of the record of each allele, int64 (rows,).
            lines: Line number of each record, counted from 1, int64 (n,).
            unit: Unit of `lines`: `"line"`, or `"row"` for Parquet.
        """
        found, rows, counts = np.unique(statuses, return_index=True, return_counts=True)
        kinds = [Status(code) for code in found.tolist()]
        first = {kind: int(lines[records[row]]) for kind, row in zip(kinds, rows, strict=True)}
        added = Counter(dict(zip(kinds, counts.tolist(), strict=True)))
        return StatusCounts(self.records + len(lines), self.counts + added, {**first, **self.first}, unit)

    @property
    def mismatches(self) -> tuple[int, int]:
        """Number of alleles whose REF differs from the genome, and number of alleles whose REF was compared with the genome."""
        return self.counts[Status.REF_MISMATCH], sum(self.counts[status] for status in COMPARED)

    def words(self) -> dict[str, int]:
        """Returns the number of alleles by name of status, for JSON. Statuses without alleles are omitted."""
        return {WORDS[status]: count for status, count in sorted(self.counts.items())}

    def lines(self, *, genome: bool) -> list[str]:
        """Returns the lines of a summary. `genome` is True if REF was compared with a genome."""
        total = sum(self.counts.values())
        of = (
            f"{counted(total, 'alternative allele')} of {counted(self.records, 'record')}"
            if genome
            else f"{total:,} pair{'s' * (total != 1)} of sequences"
        )
        told = [f"Scored {self.counts[Status.OK]:,} of {of}."]
        told += [
            f"{WORDS[status]}: {self.counts[status]:,} (the first in {self.unit} {self.first[status]:,})"
            for status in sorted(self.counts.keys() - {Status.OK})
        ]
        wrong, compared = self.mismatches
        if genome and compared:
            told.append(
                f"REF differs from the genome in {wrong:,} of {counted(compared, 'compared allele')} ({100 * wrong / compared:.3g} %)."
            )
        return told
