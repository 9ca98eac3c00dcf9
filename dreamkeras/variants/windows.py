"""Windows of a genome around a variant, with the reference and with the alternative allele.

An insertion or deletion leaves one edge of the window in place. At the other edge an insertion pushes bases of the genome out, and a
deletion lets further ones in.
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
    """How a stretch of the genome is laid around a variant.

    Args:
        length: Letters of the insert.
        positions: Letters of the insert before the first base that differs, along the forward strand; several are averaged over.
        strand: The strand that inserts are read from, one of `STRANDS`; both are averaged over.
        indel_anchor: The edge that stays for both alleles where they differ in length, one of `INDEL_ANCHORS`, along the forward strand.
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
        """A placement that constructs allow.

        Args:
            constructs: Those of the model.
            length: Letters of the insert; by default `default_insert_length`.
            positions: By default the middle; of an even number of letters, the first of the second half.
            strand: One of `STRANDS`.
            indel_anchor: One of `INDEL_ANCHORS`.

        Raises:
            InputError: An insert of this length does not fit, a position is not in it, or there is no such strand or edge.
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
                raise InputError(f"Expected positions from 0 to {length - 1} in an insert of {length} letters, got {position}.")
        return cls(length, tuple(positions) or (length // 2,), strand, indel_anchor)

    @property
    def copies(self) -> int:
        """Inserts of each allele."""
        return len(INDEL_ANCHORS[self.indel_anchor]) * len(STRANDS[self.strand]) * len(self.positions)

    def fits(self, refs: np.ndarray, alts: np.ndarray) -> np.ndarray:
        """bool (n,): whether alleles of these lengths, int64 (n,), fit into the insert as a whole, whichever edge stays."""
        behind = self.length - max(self.positions)
        fit = refs <= behind
        for right in INDEL_ANCHORS[self.indel_anchor]:
            fit &= alts <= (refs + min(self.positions) if right else behind)
        return fit

    def inserts(self, genome: Genome, changes: Changes) -> np.ndarray:
        """The inserts of n changes that fit.

        Returns:
            uint8 (2, copies, n, length), in upper case: those with the reference and those with the alternative; `N` beyond contigs' ends.
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
    """For each construct uint8 (n, its length): windows around inserts, uint8 (n, letters), also those that begin like an adapter."""
    given = Ragged.from_lengths(inserts.reshape(-1), np.full(len(inserts), inserts.shape[1]))
    return [construct.surround(given) for construct in constructs]


def _changed(around: np.ndarray, before: int, changes: Changes, first: np.ndarray, length: int) -> np.ndarray:
    """uint8 (n, length): a stretch of each changed genome, from `first`, int64 (n,), letters behind the change's first one on.

    `around` is uint8 (n, ...), the genome from `before` letters before the change on.
    """
    columns = first[:, None] + np.arange(length)  # 0 is the change's first letter
    lengths = changes.alts.lengths[:, None]
    behind = columns >= lengths
    laid = np.take_along_axis(around, before + columns + behind * (changes.refs.lengths[:, None] - lengths), axis=1)
    row, column = np.nonzero((columns >= 0) & ~behind)
    laid[row, column] = changes.alts.flat[changes.alts.offsets[row] + columns[row, column]]
    return laid
