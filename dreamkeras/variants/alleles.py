"""Checks which alternative alleles of a VCF can be scored, and compares REF with the genome."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dreamkeras.formats.vcf import VcfRecords
from dreamkeras.genome.reference import Genome, find_contig
from dreamkeras.sequence.alphabet import IUPAC, PLAIN
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.variants.normal_form import Changes, normalise
from dreamkeras.variants.status import Status

__all__ = ["Alleles", "allele_kind", "check_alleles"]

_LETTERS = re.compile(f"[{''.join(IUPAC)}]+", re.IGNORECASE | re.ASCII)

Fits = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Alleles(NamedTuple):
    """Alternative alleles of several records, with one row per allele.

    Args:
        records: Index of the record of each allele, int64 (rows,).
        changes: Normal form of each allele. For an allele without a normal form, the bases are empty and the start is -1.
        statuses: `Status` of each allele, uint8 (rows,).
    """

    records: np.ndarray
    changes: Changes
    statuses: np.ndarray

    @property
    def normalised(self) -> np.ndarray:
        """Whether each allele has a normal form, bool (rows,)."""
        return self.changes.starts >= 0


def check_alleles(batch: VcfRecords, genome: Genome, fits: Fits) -> Alleles:
    """Determines the status and the normal form of each alternative allele in a batch.

    Args:
        batch: Records of a VCF.
        genome: The reference genome.
        fits: Function that takes two arrays int64 (n,), the lengths of REF and ALT in normal form. The function returns whether the
            alleles fit into the window, bool (n,).
    """
    records, alts = batch.records, batch.alts
    names = {name: find_contig(name, genome.lengths) for name in dict.fromkeys(batch.contigs)}
    contigs = [names[name] or "" for name in batch.contigs]
    reasons, compared = _record_statuses(batch, contigs, genome)
    statuses = np.array([_status(reasons[record], alt) for record, alt in zip(records.tolist(), alts, strict=True)], np.uint8)
    rows = np.flatnonzero(statuses == Status.OK)
    kept, chosen = records[rows], compared.rows[records[rows]]
    refs = compared.written.select(chosen), compared.found.select(chosen)
    given = Ragged.from_strings(alts[row] for row in rows.tolist())
    changes = normalise(genome, [contigs[record] for record in kept.tolist()], batch.positions[kept] - 1, *refs, given)
    lengths = changes.refs.lengths, changes.alts.lengths
    statuses[rows[~fits(*lengths)]] = Status.TOO_LONG
    same = (lengths[0] == 0) & (lengths[1] == 0)
    statuses[rows[same]] = Status.SAME_AS_REF
    return Alleles(records, _spread(changes, rows[~same], np.flatnonzero(~same), len(alts)), statuses)


def allele_kind(alt: str) -> Status:
    """Determines the status of an alternative allele from its characters. The status is `OK` if all characters are DNA letters.

    Example:
        >>> [allele_kind(alt).name for alt in ("ac", "<DEL>", "A]chr2:7]", ".A", "*", "A-")]
        ['OK', 'SYMBOLIC', 'BREAKEND', 'BREAKEND', 'MISSING', 'NOT_LETTERS']
    """
    if _LETTERS.fullmatch(alt):
        return Status.OK
    if alt in ("", ".", "*"):
        return Status.MISSING
    if "[" in alt or "]" in alt:
        return Status.BREAKEND
    if "<" in alt:
        return Status.SYMBOLIC
    # A breakend may begin or end with a dot, which replaces an unknown joined sequence.
    return Status.BREAKEND if alt.startswith(".") or alt.endswith(".") else Status.NOT_LETTERS


class _Compared(NamedTuple):
    """Reference alleles that were compared with the genome.

    Args:
        rows: Index into `written` and `found` for each record, int64 (records,), or -1 if the REF of the record could not be compared.
        written: REF of the compared records, as written in the VCF.
        found: Letters of the genome at the positions of the compared records.
    """

    rows: np.ndarray
    written: Ragged
    found: Ragged


def _status(reason: Status, alt: str) -> Status:
    """Returns the status of an allele.

    For a well-formed record, the status from the characters of ALT has priority over the status of the record.
    """
    kind = Status.OK if reason == Status.MALFORMED else allele_kind(alt)
    return reason if kind == Status.OK else kind


def _record_statuses(batch: VcfRecords, contigs: list[str], genome: Genome) -> tuple[list[Status], _Compared]:
    """Determines the status of each record from its position and REF.

    Returns the statuses, and the REFs that were compared with the genome.
    """
    lengths = genome.lengths
    statuses = []
    for contig, ref, position in zip(contigs, batch.refs, batch.positions.tolist(), strict=True):
        if position < 0:
            statuses.append(Status.MALFORMED)
        elif not _LETTERS.fullmatch(ref):
            statuses.append(Status.NOT_LETTERS)
        elif not contig:
            statuses.append(Status.NOT_IN_GENOME)
        else:
            outside = position < 1 or position - 1 + len(ref) > lengths[contig]
            statuses.append(Status.OUTSIDE if outside else Status.OK)
    rows = np.flatnonzero(np.array(statuses) == Status.OK)
    written = Ragged.from_strings(batch.refs[row] for row in rows.tolist())
    starts = batch.positions[rows] - 1
    found = genome.stretches([contigs[row] for row in rows.tolist()], starts, starts + written.lengths)
    letters = PLAIN[written.flat]
    differs = np.flatnonzero((letters != PLAIN[found.flat]) & (letters != _FIRST[found.flat]))
    for row in rows[np.unique(written.owner(differs))].tolist():
        statuses[row] = Status.REF_MISMATCH
    positions = np.full(len(contigs), -1)
    positions[rows] = np.arange(len(rows))
    return statuses, _Compared(positions, written, found)


def _spread(changes: Changes, rows: np.ndarray, chosen: np.ndarray, count: int) -> Changes:
    """Returns `count` changes: the `chosen` changes at the given rows, and empty changes with the start -1 at all other rows."""
    contigs, starts = [""] * count, np.full(count, -1)
    lengths = np.zeros((2, count), np.int64)
    kept = changes.select(chosen)
    for row, name in zip(rows.tolist(), kept.contigs, strict=True):
        contigs[row] = name
    starts[rows] = kept.starts
    lengths[:, rows] = kept.refs.lengths, kept.alts.lengths
    return Changes(contigs, starts, Ragged.from_lengths(kept.refs.flat, lengths[0]), Ragged.from_lengths(kept.alts.flat, lengths[1]))


def _first_table() -> np.ndarray:
    """Returns a table, uint8 (256,), from each IUPAC code to its alphabetically first base.

    If the genome contains an IUPAC code, the VCF specification requires the alphabetically first base of the code in REF.
    """
    table = PLAIN.copy()
    for code, bases in IUPAC.items():
        if bases:
            table[[ord(code), ord(code.lower())]] = ord(min(bases))
    return table


_FIRST = _first_table()
