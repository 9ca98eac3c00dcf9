"""Alternative alleles of a VCF's records: which of them can be scored, by what they are and by the genome. Knows nothing about models."""

import re
from typing import NamedTuple

import numpy as np

from dreamkeras.analysis.variant_status import Status
from dreamkeras.sequence.alphabet import IUPAC
from dreamkeras.sequence.genome import Genome, find_contig
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.vcf import VcfRecords

__all__ = ["Alleles", "allele_kind", "check_alleles"]

_LETTERS = re.compile(f"[{''.join(IUPAC)}]+", re.IGNORECASE | re.ASCII)


class Alleles(NamedTuple):
    """The alternative alleles of some records, one a row.

    Args:
        records: int64 (rows,), the record of each.
        contigs: What the genome calls the contig of each record, or None.
        starts: int64 (n,), the position of each record's first letter, from 0.
        refs: The reference of each record, in upper case.
        alts: Each alternative allele, in upper case.
        statuses: uint8 (rows,), a `Status` each.
    """

    records: np.ndarray
    contigs: list[str | None]
    starts: np.ndarray
    refs: Ragged
    alts: Ragged
    statuses: np.ndarray


def check_alleles(batch: VcfRecords, genome: Genome, room: int) -> Alleles:
    """The alleles of a batch, each with a status.

    Args:
        batch: n records.
        genome: Where they are.
        room: Most letters that an allele may have.
    """
    records, alts = batch.alleles()
    names = {name: find_contig(name, genome.lengths) for name in dict.fromkeys(batch.contigs)}
    contigs, refs = [names[name] for name in batch.contigs], [ref.upper() for ref in batch.refs]
    reasons = _record_statuses(batch, contigs, refs, genome)
    statuses = np.empty(len(alts), np.uint8)
    for row, (record, alt) in enumerate(zip(records.tolist(), alts, strict=True)):
        ref, reason = refs[record], reasons[record]
        statuses[row] = _status(reason, ref, alt.upper(), room)
    starts = batch.positions - 1
    return Alleles(records, contigs, starts, Ragged.from_strings(refs), Ragged.from_strings(alt.upper() for alt in alts), statuses)


def allele_kind(alt: str) -> Status:
    """What an alternative allele is by its letters alone: `OK` where it has letters of DNA and nothing else.

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
    # A single breakend has a dot in place of what it joins.
    return Status.BREAKEND if alt.startswith(".") or alt.endswith(".") else Status.NOT_LETTERS


def _status(reason: Status, ref: str, alt: str, room: int) -> Status:
    """An allele's status, from that of its record."""
    if reason == Status.MALFORMED:
        return reason
    kind = allele_kind(alt)
    if kind != Status.OK or reason != Status.OK:
        return kind if kind != Status.OK else reason
    if alt == ref:
        return Status.SAME_AS_REF
    return Status.TOO_LONG if max(len(ref), len(alt)) > room else Status.OK


def _record_statuses(batch: VcfRecords, contigs: list[str | None], refs: list[str], genome: Genome) -> list[Status]:
    """What is wrong with each record, whatever its alternative alleles."""
    lengths = genome.lengths
    statuses = []
    for contig, ref, position in zip(contigs, refs, batch.positions.tolist(), strict=True):
        if position < 0:
            statuses.append(Status.MALFORMED)
        elif not _LETTERS.fullmatch(ref):
            statuses.append(Status.NOT_LETTERS)
        elif contig is None:
            statuses.append(Status.NOT_IN_GENOME)
        else:
            outside = position < 1 or position - 1 + len(ref) > lengths[contig]
            statuses.append(Status.OUTSIDE if outside else Status.OK)
    inside = [row for row, status in enumerate(statuses) if status == Status.OK]
    for row in _mismatches(batch, contigs, refs, genome, np.array(inside, np.int64)):
        statuses[row] = Status.REF_MISMATCH
    return statuses


def _mismatches(batch: VcfRecords, contigs: list[str | None], refs: list[str], genome: Genome, rows: np.ndarray) -> list[int]:
    """Which of these records have another reference than the genome."""
    if not len(rows):
        return []
    texts = Ragged.from_strings(refs[row] for row in rows.tolist())
    starts = batch.positions[rows] - 1
    found = genome.stretches([contigs[row] or "" for row in rows.tolist()], starts, starts + texts.lengths)
    same = (_PLAIN[texts.flat] == _PLAIN[found.flat]) | (_PLAIN[texts.flat] == _FIRST[found.flat])
    return rows[~np.logical_and.reduceat(same, texts.offsets[:-1])].tolist()


def _plain_table() -> np.ndarray:
    """uint8 (256,): each letter in upper case, U as T."""
    table = np.frombuffer(bytes(range(256)).upper(), np.uint8).copy()
    table[[ord("U"), ord("u")]] = ord("T")
    return table


def _first_table() -> np.ndarray:
    """uint8 (256,): of each IUPAC code the base that the VCF specification has in its place, the first one by the alphabet."""
    table = _plain_table()
    for code, bases in IUPAC.items():
        if bases:
            table[[ord(code), ord(code.lower())]] = ord(min(bases))
    return table


_PLAIN, _FIRST = _plain_table(), _first_table()
