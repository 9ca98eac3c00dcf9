"""Stores the start sequences of a search in one array, together with the constant bases around each insert.

A design is stored like its start sequence: as a row of the same width, in which only the insert differs. Because the constant bases are
included, constraints can be checked across the ends of an insert.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.sequence.alphabet import BASE_CODES, BASES, IS_BASE, PLAIN, letter_codes
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records
from dreamkeras.sequence.site_search import FILLING

__all__ = ["Starts", "make_starts", "random_records"]


class Starts(NamedTuple):
    """Start sequences of a search for designs.

    Args:
        ids: Names of the n start sequences.
        letters: Sequences in upper case, uint8 (n, width). Each row contains constant bases, the insert, constant bases, and `FILLING` at
            the end.
        first: Column at which the inserts begin.
        lengths: Length of each insert, int64 (n,).
        adapters: Lengths of the left and the right adapter, which are next to the insert.
        constructs: Constructs of the models.
    """

    ids: list[str]
    letters: np.ndarray
    first: int
    lengths: np.ndarray
    adapters: tuple[int, int]
    constructs: tuple[Construct, ...]

    @property
    def stops(self) -> np.ndarray:
        """Column after the end of each insert, int64 (n,)."""
        return self.first + self.lengths

    @property
    def inside(self) -> np.ndarray:
        """Whether each position is part of the insert, bool (n, width)."""
        columns = np.arange(self.letters.shape[1])
        return (columns >= self.first) & (columns < self.stops[:, None])

    def select(self, index: np.ndarray) -> "Starts":
        """Returns the start sequences at `index`, which is an integer array or a boolean mask."""
        ids = [self.ids[row] for row in np.arange(len(self.ids))[index]]
        return self._replace(ids=ids, letters=self.letters[index], lengths=self.lengths[index])

    def sequences(self, owner: np.ndarray, letters: np.ndarray, *, with_adapters: bool) -> Ragged:
        """Returns the inserts of designs, with or without adapters.

        Args:
            owner: Index of the start sequence of each design, int64 (m,).
            letters: The designs, uint8 (m, width).
            with_adapters: Whether to include the adapters.
        """
        left, right = self.adapters if with_adapters else (0, 0)
        begin, ends = self.first - left, self.stops[owner] + right
        columns = np.arange(begin, letters.shape[1])
        return Ragged.from_lengths(letters[:, begin:][columns < ends[:, None]], ends - begin)

    def windows(self, owner: np.ndarray, letters: np.ndarray) -> list[np.ndarray]:
        """Returns the windows of designs, uint8 (m, length) for each construct."""
        # Adapters are included, so that the ends of an insert are not mistaken for adapters.
        given = self.sequences(owner, letters, with_adapters=True)
        return [construct.windows(given) for construct in self.constructs]


def make_starts(records: Records, constructs: Sequence[Construct], reach: int) -> Starts:
    """Converts records to start sequences, with the constant bases of the construct around each insert.

    Args:
        records: n sequences, each with both adapters or without adapters.
        constructs: Constructs of the models.
        reach: Number of constant bases to include on each side of an insert. Adapters are always complete. If the construct has fewer
            constant bases, all constant bases are included.

    Raises:
        InputError: A sequence does not fit the constructs, or has a letter other than A, C, G and T. The message names the sequence.
        ModelError: The constructs have different constant bases around an insert.
    """
    left, right = _surroundings(constructs)
    for construct in constructs:
        construct.cut(records)
    adapters = len(constructs[0].left_adapter), len(constructs[0].right_adapter)
    left, right = left[max(0, len(left) - max(reach, adapters[0])) :], right[: max(reach, adapters[1])]
    begins, lengths = constructs[0].find_inserts(records.sequences)[:2]
    letters = np.full((len(lengths), len(left) + int(lengths.max(initial=0)) + len(right)), FILLING, np.uint8)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        inserts = PLAIN[records.sequences.flat[begins[rows, None] + np.arange(length)]]
        filled = np.concatenate([_repeated(left, len(rows)), inserts, _repeated(right, len(rows))], axis=1)
        letters[rows, : filled.shape[1]] = filled
    starts = Starts(records.ids, letters, len(left), lengths, adapters, tuple(constructs))
    _refuse_codes(starts, records)
    return starts


def random_records(number: int, length: int, construct: Construct, generator: np.random.Generator) -> Records:
    """Generates random inserts between adapters. All bases are equally likely."""
    inserts = BASE_CODES[generator.integers(0, len(BASES), (number, length))]
    letters = np.concatenate([_repeated(construct.left_adapter, number), inserts, _repeated(construct.right_adapter, number)], axis=1)
    sequences = Ragged.from_lengths(letters.ravel(), np.full(number, letters.shape[1]))
    return Records([f"random_{row}" for row in range(1, number + 1)], sequences, np.arange(1, number + 1), "random inserts")


def _surroundings(constructs: Sequence[Construct]) -> tuple[str, str]:
    """Returns the longest constant sequences of the constructs to the left and to the right of an insert."""
    sides = [(construct.left.upper(), construct.right.upper()) for construct in constructs]
    left, right = (max((side[place] for side in sides), key=len) for place in (0, 1))
    adapters = {(construct.left_adapter.upper(), construct.right_adapter.upper()) for construct in constructs}
    if len(adapters) > 1 or not all(left.endswith(one) and right.startswith(other) for one, other in sides):
        names = " and ".join(construct.name for construct in constructs)
        raise ModelError(f"The constructs {names} have different constant bases around an insert, so their models cannot be used together.")
    return left, right


def _repeated(text: str, rows: int) -> np.ndarray:
    return np.broadcast_to(letter_codes(text), (rows, len(text)))


def _refuse_codes(starts: Starts, records: Records) -> None:
    """Checks that inserts contain only A, C, G and T, because designs are meant for synthesis."""
    wrong = starts.inside & ~IS_BASE[starts.letters]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        came = f"{chr(starts.letters[row, column])!r} at position {column - starts.first + 1} of the insert"
        raise InputError(f"Expected only the bases {', '.join(BASES)} in a start sequence, got {came} in {records.origin(int(row))}.")
