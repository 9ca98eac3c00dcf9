"""Normalises alleles: trims them to the bases that differ and left-aligns them, as `bcftools norm` and `vt normalize` do.

Two alleles have the same normal form if and only if they produce the same haplotype.
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
"""Names and types of the columns for the normal form in output files, in the order of `vcf_columns`."""

BLOCK = 64
"""Number of bases in the first block that is read to the left of an insertion or deletion.

Each further block is 8 times as long, up to `LONGEST_BLOCK`.
"""

LONGEST_BLOCK = 1 << 20


class Changes(NamedTuple):
    """The changes that n alleles make in a genome.

    Args:
        contigs: Names of the contigs of the n changes.
        starts: 0-based position of the first base that differs, int64 (n,). For an insertion, this is the position of the
            base that follows the inserted bases.
        refs: Bases of the genome that are replaced, in upper case, with U written as T. For an insertion, `refs` is empty.
        alts: Bases that replace `refs`, in upper case, with U written as T. For a deletion, `alts` is empty.
    """

    contigs: Sequence[str]
    starts: np.ndarray
    refs: Ragged
    alts: Ragged

    def select(self, rows: np.ndarray) -> "Changes":
        """Returns the changes with the given indices, int (m,)."""
        contigs = [self.contigs[row] for row in rows.tolist()]
        return Changes(contigs, self.starts[rows], self.refs.select(rows), self.alts.select(rows))


def normalise(genome: Genome, contigs: Sequence[str], starts: np.ndarray, written: Ragged, found: Ragged, alts: Ragged) -> Changes:
    r"""Returns the normal forms of n alleles.

    Args:
        genome: The reference genome.
        contigs: Names of the contigs of the n alleles.
        starts: 0-based position of the first base of each REF, int64 (n,).
        written: The REF of each allele, as written in the VCF.
        found: Letters of the genome at the positions of each REF. Where the genome has an ambiguity code, REF may have one of the bases
            of this code. A letter of ALT that is equal to the letter of REF or of the genome counts as unchanged.
        alts: The ALT of each allele.

    Returns:
        Changes in the order of the alleles. If ALT and REF of an allele are equal, its bases in `refs` and `alts` are empty.

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
    # Shared bases are trimmed on the right first, so that an insertion or deletion in a repeat is as far left as its alleles allow.
    behind = _shared(written, found, alts, shorter, -1)
    before = _shared(written, found, alts, shorter - behind, 1)
    refs = found.cut(found.offsets[:-1] + before, found.lengths - before - behind)
    changed = alts.cut(alts.offsets[:-1] + before, alts.lengths - before - behind)
    return _left_aligned(genome, Changes(contigs, starts + before, refs, changed))


def vcf_columns(genome: Genome, changes: Changes) -> tuple[list[int], list[str], list[str]]:
    """Returns the columns of `NORMAL_FORM`: POS (1-based), REF and ALT of changes, as in a VCF.

    Insertions and deletions include an anchor base: the base before them or, at the first position of a contig, the base after them.
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
    """Counts the bases that REF and ALT share at their starts (`step` 1) or ends (`step` -1), up to `most`, int64 (n,)."""
    owner = np.repeat(np.arange(len(most)), most)
    along = np.arange(len(owner)) - np.repeat(np.cumsum(most) - most, most)
    in_ref, in_alt = ((texts.offsets[:-1] if step > 0 else texts.offsets[1:] - 1)[owner] + step * along for texts in (written, alts))
    differ = np.flatnonzero((written.flat[in_ref] != alts.flat[in_alt]) & (found.flat[in_ref] != alts.flat[in_alt]))
    shared = most.copy()
    np.minimum.at(shared, owner[differ], along[differ])
    return shared


def _left_aligned(genome: Genome, changes: Changes) -> Changes:
    """Moves insertions and deletions to the left as far as possible without changing the haplotype."""
    rows = np.flatnonzero((changes.refs.lengths == 0) != (changes.alts.lengths == 0))
    steps = np.zeros(len(changes.starts), np.int64)
    for row in rows.tolist():
        texts = changes.refs if changes.refs.lengths[row] else changes.alts
        unit = texts.flat[texts.offsets[row] : texts.offsets[row + 1]]
        steps[row] = _steps_left(genome, changes.contigs[row], int(changes.starts[row]), unit)
    refs, alts = (_rotated(texts, steps) for texts in (changes.refs, changes.alts))
    return changes._replace(starts=changes.starts - steps, refs=refs, alts=alts)


def _steps_left(genome: Genome, contig: str, start: int, unit: np.ndarray) -> int:
    """Counts the bases to the left of `start` that repeat the sequence `unit`, including a partial repeat.

    `unit` is an array uint8 (bases,).
    """
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
    """Rotates each sequence in `texts` to the right by a number of steps, which may exceed the length of the sequence."""
    owners, starts = texts.owners(), texts.offsets[:-1]
    along = np.arange(len(texts.flat)) - starts[owners]
    return Ragged(texts.flat[starts[owners] + (along - steps[owners]) % texts.lengths[owners]], texts.offsets)


def _texts(texts: Ragged) -> list[str]:
    whole = _decoded(texts.flat)
    return [whole[first:last] for first, last in itertools.pairwise(texts.offsets.tolist())]


def _decoded(letters: np.ndarray) -> str:
    return letters.tobytes().decode("latin-1")
