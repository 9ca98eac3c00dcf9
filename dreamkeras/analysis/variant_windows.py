"""Windows of a genome with a variant in them: where it stands, how long the insert is, and what is around it for each allele.

The left edge stays where it is: what an insertion pushes out at the right is lost, and what a deletion leaves free is the genome's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.analysis.insert_length import default_insert_length
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.genome import Genome
from dreamkeras.sequence.ragged import Ragged

__all__ = ["STRANDS", "Placement", "insert_windows"]

STRANDS = {"forward": (False,), "reverse": (True,), "both": (False, True)}
"""Which strands are read: whether each is the reverse one."""


class Placement(NamedTuple):
    """How a stretch of the genome is laid around a variant.

    Args:
        length: Letters of the insert.
        positions: Letters of the insert before the variant's first one, along the forward strand; several are averaged over.
        strand: The strand that inserts are read from, one of `STRANDS`; both are averaged over.
    """

    length: int
    positions: tuple[int, ...]
    strand: str = "forward"

    @classmethod
    def choose(
        cls, constructs: Sequence[Construct], length: int | None = None, positions: Sequence[int] = (), strand: str = "forward"
    ) -> "Placement":
        """A placement that constructs allow.

        Args:
            constructs: Those of the model.
            length: Letters of the insert; by default `default_insert_length`.
            positions: By default the middle; of an even number of letters, the first of the second half.
            strand: One of `STRANDS`.

        Raises:
            InputError: An insert of this length does not fit, a position is not in it, or there is no such strand.
        """
        if strand not in STRANDS:
            raise InputError(f"Expected strand to be one of {', '.join(STRANDS)}, got {strand!r}.")
        length = length or default_insert_length(constructs)
        for construct in constructs:
            if not construct.shortest <= length <= construct.longest:
                wanted = f"{construct.shortest} to {construct.longest} letters for construct {construct.name!r}"
                raise InputError(f"Expected an insert of {wanted}, got {length}.")
        for position in positions:
            if not 0 <= position < length:
                raise InputError(f"Expected positions from 0 to {length - 1} in an insert of {length} letters, got {position}.")
        return cls(length, tuple(positions) or (length // 2,), strand)

    @property
    def room(self) -> int:
        """Most letters that an allele may have to stand in the insert as a whole."""
        return self.length - max(self.positions)

    @property
    def copies(self) -> int:
        """Inserts of each allele."""
        return len(self.positions) * len(STRANDS[self.strand])

    def inserts(self, genome: Genome, contigs: Sequence[str], starts: np.ndarray, refs: Ragged, alts: Ragged) -> np.ndarray:
        """The inserts of n variants.

        Args:
            genome: Where they are.
            contigs: n names.
            starts: int64 (n,), the position of each variant's first letter, from 0.
            refs: Their reference alleles, of `room` letters at most.
            alts: Their alternative alleles, likewise.

        Returns:
            uint8 (2, copies, n, length), in upper case: those with the reference and those with the alternative; `N` beyond contigs' ends.
        """
        before = max(self.positions)
        around = genome.windows(contigs, starts - before, before + 2 * self.length) & 0xDF  # clearing bit 5 makes letters upper case
        inserts = np.empty((2, len(STRANDS[self.strand]), len(self.positions), len(contigs), self.length), np.uint8)
        for side, alleles in enumerate((refs, alts)):
            for place, position in enumerate(self.positions):
                laid = _laid(around[:, before - position :], alleles, refs.lengths, position, self.length)
                for turn, reverse in enumerate(STRANDS[self.strand]):
                    inserts[side, turn, place] = reverse_complement(laid) if reverse else laid
        return inserts.reshape(2, self.copies, len(contigs), self.length)


def insert_windows(inserts: np.ndarray, constructs: Sequence[Construct]) -> list[np.ndarray]:
    """For each construct uint8 (n, its length): windows around inserts, uint8 (n, letters), whatever those begin and end with."""
    given = Ragged.from_lengths(inserts.reshape(-1), np.full(len(inserts), inserts.shape[1]))
    return [construct.surround(given) for construct in constructs]


def _laid(around: np.ndarray, alleles: Ragged, ref_lengths: np.ndarray, position: int, length: int) -> np.ndarray:
    """uint8 (n, length): genome up to `position`, the allele, and the genome behind the reference.

    `around` is uint8 (n, ...), the genome from the insert's first letter on.
    """
    lengths = alleles.lengths[:, None]
    columns = np.arange(length) - position  # 0 is the variant's first letter
    behind = columns >= lengths
    laid = np.take_along_axis(around, columns + position + behind * (ref_lengths[:, None] - lengths), axis=1)
    row, column = np.nonzero((columns >= 0) & ~behind)
    laid[row, column] = alleles.flat[alleles.offsets[row] + column - position]
    return laid
