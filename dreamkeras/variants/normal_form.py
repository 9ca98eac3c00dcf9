"""Normal forms of alleles: trimmed to the bases that differ, and left-aligned, as `bcftools norm` and vt do it.

Two alleles have the same normal form if and only if they make the same haplotype. Knows nothing about windows and models.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.genome.reference import Genome
from dreamkeras.sequence.alphabet import PLAIN
from dreamkeras.sequence.ragged import Ragged

__all__ = ["NORMAL_FORM", "Changes", "normalise", "vcf_columns"]

NORMAL_FORM: Mapping[str, type] = {"norm_pos": int, "norm_ref": str, "norm_alt": str}
"""The columns that `vcf_columns` returns, by their names in outputs."""

BLOCK = 64
"""Bases left of an insertion or deletion that are read first; each further read is eight times as long, up to `LONGEST_BLOCK`."""

LONGEST_BLOCK = 1 << 20


class Changes(NamedTuple):
    """The changes of n alleles in a genome.

    Args:
        contigs: n names.
        starts: int64 (n,), the position of the first base that differs, from 0; of an insertion, the base behind it.
        refs: The bases of the genome that are replaced, in upper case, U as T; none for an insertion.
        alts: The bases in their place, likewise; none for a deletion.
    """

    contigs: Sequence[str]
    starts: np.ndarray
    refs: Ragged
    alts: Ragged

    def select(self, rows: np.ndarray) -> "Changes":
        """Some of them, int (m,)."""
        contigs = [self.contigs[row] for row in rows.tolist()]
        return Changes(contigs, self.starts[rows], self.refs.select(rows), self.alts.select(rows))


def normalise(genome: Genome, contigs: Sequence[str], starts: np.ndarray, written: Ragged, found: Ragged, alts: Ragged) -> Changes:
    r"""The normal forms of n alleles.

    Args:
        genome: Where they are.
        contigs: n names.
        starts: int64 (n,), the position of each REF's first base, from 0.
        written: Each REF as it is written.
        found: The genome's letters there. It may hold an ambiguity code where REF has one of its bases; the code is kept unless ALT
            has another base there.
        alts: Each ALT.

    Returns:
        Changes in the order given; both `refs` and `alts` are empty where an ALT changes nothing.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "genome.fa")
        >>> _ = file.write_text(">c\nGGCACACAT\n")
        >>> ref = Ragged.from_strings(["ACA"])
        >>> change = normalise(Genome(str(file)), ["c"], np.array([5]), ref, ref, Ragged.from_strings(["A"]))
        >>> int(change.starts[0]), change.refs[0], change.alts[0]
        (2, 'CA', '')
    """
    written, found, alts = (Ragged(PLAIN[texts.flat], texts.offsets) for texts in (written, found, alts))
    shorter = np.minimum(written.lengths, alts.lengths)
    # From the right first, so that an insertion or deletion in a repeat is as far to the left as its alleles show it.
    behind = _shared(written, found, alts, shorter, -1)
    before = _shared(written, found, alts, shorter - behind, 1)
    refs = found.cut(found.offsets[:-1] + before, found.lengths - before - behind)
    changed = alts.cut(alts.offsets[:-1] + before, alts.lengths - before - behind)
    return _left_aligned(genome, Changes(contigs, starts + before, refs, changed))


def vcf_columns(genome: Genome, changes: Changes) -> tuple[list[int], list[str], list[str]]:
    """Changes as VCF has them: POS, from 1, REF and ALT; the cells of `NORMAL_FORM`.

    Insertions and deletions have one anchor base: the one before them, or, at the first position of a contig, the one behind.
    """
    starts, lengths = changes.starts, changes.refs.lengths
    anchored = (lengths == 0) | (changes.alts.lengths == 0)
    leading = anchored & (starts > 0)
    places = np.where(leading, starts - 1, starts + lengths)
    rows = np.flatnonzero(anchored)
    anchors = np.full(len(starts), "", "U1")
    anchors[rows] = list(_decoded(PLAIN[genome.windows([changes.contigs[row] for row in rows.tolist()], places[rows], 1)].reshape(-1)))
    left, right = np.where(leading, anchors, "").tolist(), np.where(leading, "", anchors).tolist()
    columns = [
        [before + text + behind for before, text, behind in zip(left, _texts(alleles), right, strict=True)]
        for alleles in (changes.refs, changes.alts)
    ]
    return (starts + 1 - leading).tolist(), columns[0], columns[1]


def _shared(written: Ragged, found: Ragged, alts: Ragged, most: np.ndarray, step: int) -> np.ndarray:
    """int64 (n,): bases that REF and ALT have in common, up to `most`, counted from their starts (step 1) or from their ends (-1)."""
    owner = np.repeat(np.arange(len(most)), most)
    along = np.arange(len(owner)) - np.repeat(np.cumsum(most) - most, most)
    in_ref, in_alt = ((texts.offsets[:-1] if step > 0 else texts.offsets[1:] - 1)[owner] + step * along for texts in (written, alts))
    differ = np.flatnonzero((written.flat[in_ref] != alts.flat[in_alt]) & (found.flat[in_ref] != alts.flat[in_alt]))
    shared = most.copy()
    np.minimum.at(shared, owner[differ], along[differ])
    return shared


def _left_aligned(genome: Genome, changes: Changes) -> Changes:
    """Insertions and deletions moved to the left as far as the haplotype stays the same."""
    rows = np.flatnonzero((changes.refs.lengths == 0) != (changes.alts.lengths == 0))
    steps = np.zeros(len(changes.starts), np.int64)
    for row in rows.tolist():
        texts = changes.refs if changes.refs.lengths[row] else changes.alts
        unit = texts.flat[texts.offsets[row] : texts.offsets[row + 1]]
        steps[row] = _steps_left(genome, changes.contigs[row], int(changes.starts[row]), unit)
    refs, alts = (_rotated(texts, steps) for texts in (changes.refs, changes.alts))
    return changes._replace(starts=changes.starts - steps, refs=refs, alts=alts)


def _steps_left(genome: Genome, contig: str, start: int, unit: np.ndarray) -> int:
    """How many bases before `start` go on with the repeat of a unit, uint8 (bases,), backwards from its end."""
    steps, block = 0, BLOCK
    while steps < start:
        size = min(block, start - steps)
        left = PLAIN[genome.windows([contig], np.array([start - steps - size]), size)[0, ::-1]]
        phase = steps % len(unit)
        same = left == np.tile(unit[::-1], (phase + size) // len(unit) + 1)[phase : phase + size]
        if not same.all():
            return steps + int(same.argmin())
        steps, block = steps + size, min(8 * block, LONGEST_BLOCK)
    return steps


def _rotated(texts: Ragged, steps: np.ndarray) -> Ragged:
    """Texts rotated to the right by so many `steps`, which may be more than their letters."""
    owners, starts = texts.owners(), texts.offsets[:-1]
    along = np.arange(len(texts.flat)) - starts[owners]
    return Ragged(texts.flat[starts[owners] + (along - steps[owners]) % texts.lengths[owners]], texts.offsets)


def _texts(texts: Ragged) -> list[str]:
    whole = _decoded(texts.flat)
    return [whole[first:last] for first, last in itertools.pairwise(texts.offsets.tolist())]


def _decoded(letters: np.ndarray) -> str:
    return letters.tobytes().decode("latin-1")
