"""Cuts windows around variants from a genome, once with the reference allele and once with the alternative allele.

For an insertion or deletion, one edge of the insert stays at the same genomic position. At the other edge, bases of the genome are
removed (insertion) or added (deletion), so that the length of the insert is unchanged.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.genome.reference import Genome
from dreamkeras.scoring.insert_length import default_insert_length
from dreamkeras.sequence.alphabet import PLAIN, reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.variants.names import INDEL_ANCHORS, STRANDS
from dreamkeras.variants.normal_form import Changes

__all__ = ["Placement", "insert_windows"]


class Placement(NamedTuple):
    """Position of a variant within the insert that is cut from the genome around the variant.

    Args:
        length: Length of the insert.
        positions: Offsets of the variant within the insert. An offset is the position of the first base that differs, counted from 0 on the
            forward strand. Predictions are averaged over all offsets.
        strand: Strand of the insert, one of `STRANDS`. With `"both"`, predictions are averaged over both strands.
        indel_anchor: Edge of the insert, one of `INDEL_ANCHORS`. If two alleles differ in length, this edge has the same genomic position
            for both. Left and right refer to the forward strand. With `"mean"`, predictions are averaged over both edges.
    """

    length: int
    positions: tuple[int, ...]
    strand: str = "forward"
    indel_anchor: str = "mean"

    @classmethod
    def choose(
        cls,
        constructs: Sequence[Construct],
        length: int | None = None,
        positions: Sequence[int] = (),
        strand: str = "forward",
        indel_anchor: str = "mean",
    ) -> "Placement":
        """Creates a placement, with defaults for missing values, and checks that the inserts fit the constructs of a model.

        Args:
            constructs: Constructs of the model.
            length: Length of the insert. Defaults to `default_insert_length`.
            positions: Offsets of the variant within the insert. Defaults to the middle of the insert, `length // 2`.
            strand: One of `STRANDS`.
            indel_anchor: One of `INDEL_ANCHORS`.

        Raises:
            InputError: An insert of this length does not fit the construct, a position is outside the insert, or `strand` or
                `indel_anchor` is unknown.
        """
        for name, chosen, known in (("strand", strand, STRANDS), ("indel_anchor", indel_anchor, INDEL_ANCHORS)):
            if chosen not in known:
                raise InputError(f"Expected {name} to be one of {', '.join(known)}, got {chosen!r}.")
        length = length or default_insert_length(constructs)
        for construct in constructs:
            if not construct.shortest <= length <= construct.longest:
                raise InputError(f"{construct.wrong_length(length, length)} as the length of the insert.")
        for position in positions:
            if not 0 <= position < length:
                raise InputError(f"Expected positions from 0 to {length - 1} in an insert of {length} bases, got {position}.")
        return cls(length, tuple(positions) or (length // 2,), strand, indel_anchor)

    @property
    def copies(self) -> int:
        """Number of inserts per allele, over which predictions are averaged."""
        return len(INDEL_ANCHORS[self.indel_anchor]) * len(STRANDS[self.strand]) * len(self.positions)

    def fits(self, refs: np.ndarray, alts: np.ndarray) -> np.ndarray:
        """Returns whether alleles with the lengths `refs` and `alts`, int64 (n,), fit completely into the insert, bool (n,).

        With `indel_anchor="mean"`, the alleles must fit for both edges.
        """
        behind = self.length - max(self.positions)
        fit = refs <= behind
        for right in INDEL_ANCHORS[self.indel_anchor]:
            fit &= alts <= (refs + min(self.positions) if right else behind)
        return fit

    def inserts(self, genome: Genome, changes: Changes) -> np.ndarray:
        """Cuts the inserts around n changes. All alleles must fit into the insert; see `fits`.

        Returns:
            Inserts in upper case, uint8 (2, copies, n, length), with the reference (index 0) and the alternative allele (index 1).
            Positions beyond the ends of a contig are `N`.
        """
        growth = changes.alts.lengths - changes.refs.lengths
        more = max(0, int(-growth.min(initial=0)))
        before = max(self.positions) + more
        around = PLAIN[genome.windows(changes.contigs, changes.starts - before, before + self.length + more)]
        anchors, turns = INDEL_ANCHORS[self.indel_anchor], STRANDS[self.strand]
        inserts = np.empty((2, len(anchors), len(turns), len(self.positions), len(growth), self.length), np.uint8)
        for place, position in enumerate(self.positions):
            ref = around[:, before - position :][:, : self.length]
            for edge, right in enumerate(anchors):
                alt = _changed(around, before, changes, np.where(right, growth, 0) - position, self.length)
                for turn, reverse in enumerate(turns):
                    inserts[:, edge, turn, place] = [reverse_complement(laid) if reverse else laid for laid in (ref, alt)]
        return inserts.reshape(2, self.copies, len(growth), self.length)


def insert_windows(inserts: np.ndarray, constructs: Sequence[Construct]) -> list[np.ndarray]:
    """Returns the windows of inserts, as one array uint8 (n, window length) per construct.

    `inserts` is an array uint8 (n, insert length). The function does not search the inserts for adapters, so an insert that begins like
    an adapter stays complete.
    """
    given = Ragged.from_lengths(inserts.reshape(-1), np.full(len(inserts), inserts.shape[1]))
    return [construct.surround(given) for construct in constructs]


def _changed(around: np.ndarray, before: int, changes: Changes, first: np.ndarray, length: int) -> np.ndarray:
    """Applies changes to a genome, and cuts a sequence from each changed genome, uint8 (n, length).

    Args:
        around: The unchanged genome around each change, uint8 (n, ...).
        before: Number of bases of `around` to the left of the change.
        changes: The changes.
        first: Offset of each sequence relative to the first base of its change, int64 (n,).
        length: Length of the sequences.
    """
    columns = first[:, None] + np.arange(length)  # offsets relative to the first base of the change
    lengths = changes.alts.lengths[:, None]
    behind = columns >= lengths
    laid = np.take_along_axis(around, before + columns + behind * (changes.refs.lengths[:, None] - lengths), axis=1)
    row, column = np.nonzero((columns >= 0) & ~behind)
    laid[row, column] = changes.alts.flat[changes.alts.offsets[row] + columns[row, column]]
    return laid
