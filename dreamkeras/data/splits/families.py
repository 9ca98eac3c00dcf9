"""Groups of rows that a split does not divide: families of similar sequences, or copies of one sequence."""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.similar import copy_and_family_keys

__all__ = ["FEW", "Families", "Groups", "find_families"]

FEW = 10
"""If at most this number of families hold more than half of the rows, a hold-out of complete families cannot represent all families."""


class Groups(NamedTuple):
    """Groups of rows. A split never divides a group.

    Args:
        of_row: Group of each row, int (n,).
        sizes: Number of rows in each group, int (groups,).
    """

    of_row: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of_keys(cls, keys: np.ndarray) -> "Groups":
        """Returns a group for each distinct key. The order of the groups does not depend on the order of the rows."""
        _, of_row, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        return cls(of_row, sizes)

    def __len__(self) -> int:
        return len(self.sizes)


class Families(NamedTuple):
    """Rows of a library, grouped by copies and by similarity.

    Args:
        copies: Groups of copies and reverse complements of one sequence.
        similar: Families of similar sequences. A family contains all copies of its sequences.
        distinct: Number of distinct sequences in each family, int (families,).
    """

    copies: Groups
    similar: Groups
    distinct: np.ndarray

    @property
    def largest(self) -> int:
        """Number of rows in the largest family."""
        return int(self.similar.sizes.max(initial=0))

    @property
    def are_copies(self) -> bool:
        """Whether every family consists of copies of one sequence."""
        return len(self.copies) == len(self.similar)

    def describe_few(self) -> str:
        """Returns a clause that states that at most `FEW` families hold most rows. The text is empty if they do not."""
        sizes = np.sort(self.similar.sizes[self.distinct > 1])[::-1]
        held = np.cumsum(sizes)[:FEW]
        rows = len(self.similar.of_row)
        most = np.flatnonzero(2 * held > rows)
        if not len(most):
            return ""
        count = int(most[0]) + 1
        hold = "family of similar sequences holds" if count == 1 else "families of similar sequences hold"
        return f"{count} {hold} {100 * held[count - 1] / rows:.0f} % of the sequences"


def find_families(examples: Examples) -> Families:
    """Finds the families of similar sequences. See `data.splits.similar`."""
    copy_keys, family_keys = copy_and_family_keys(examples.letters, examples.lengths, examples.construct)
    copies, similar = Groups.of_keys(copy_keys), Groups.of_keys(family_keys)
    family_of_copy = np.zeros(len(copies), np.int64)
    family_of_copy[copies.of_row] = similar.of_row
    return Families(copies, similar, np.bincount(family_of_copy, minlength=len(similar)))
