"""Starts: the sequences that designs begin with, in one array, each with the constant letters that stand around it.

A design is a row of the same shape whose insert differs: rules on letters cover the junctions, too.
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
    """Sequences to begin with.

    Args:
        ids: n names.
        letters: uint8 (n, width), in upper case: constant letters, an insert, constant letters, `FILLING`.
        first: The column where the inserts begin.
        lengths: int64 (n,), letters of each insert.
        adapters: Letters of the left and of the right adapter, which stand next to the insert.
        constructs: How they become windows.
    """

    ids: list[str]
    letters: np.ndarray
    first: int
    lengths: np.ndarray
    adapters: tuple[int, int]
    constructs: tuple[Construct, ...]

    @property
    def stops(self) -> np.ndarray:
        """int64 (n,): the column behind each insert's last."""
        return self.first + self.lengths

    @property
    def inside(self) -> np.ndarray:
        """bool (n, width): the columns of the inserts."""
        columns = np.arange(self.letters.shape[1])
        return (columns >= self.first) & (columns < self.stops[:, None])

    def select(self, index: np.ndarray) -> "Starts":
        """The starts at `index`, integers or a boolean mask."""
        ids = [self.ids[row] for row in np.arange(len(self.ids))[index]]
        return self._replace(ids=ids, letters=self.letters[index], lengths=self.lengths[index])

    def sequences(self, owner: np.ndarray, letters: np.ndarray, *, with_adapters: bool) -> Ragged:
        """The inserts of designs, bare or between their adapters.

        Args:
            owner: int64 (m,), the start that each design is of.
            letters: uint8 (m, width), the designs.
            with_adapters: Whether adapters belong to them.
        """
        left, right = self.adapters if with_adapters else (0, 0)
        begin, ends = self.first - left, self.stops[owner] + right
        columns = np.arange(begin, letters.shape[1])
        return Ragged.from_lengths(letters[:, begin:][columns < ends[:, None]], ends - begin)

    def windows(self, owner: np.ndarray, letters: np.ndarray) -> list[np.ndarray]:
        """For each construct uint8 (m, length): the windows of designs."""
        # With its adapters no insert is taken for one that brings its own.
        given = self.sequences(owner, letters, with_adapters=True)
        return [construct.windows(given) for construct in self.constructs]


def make_starts(records: Records, constructs: Sequence[Construct], reach: int) -> Starts:
    """The starts that records are, between the constant letters that their construct puts around them.

    Args:
        records: n sequences, each with both adapters or with neither.
        constructs: How they become windows.
        reach: How many constant letters are wanted beside each insert, so far as they are known.

    Raises:
        InputError: A sequence does not fit, or has letters that are no bases; the message names it.
        ModelError: The constructs put different letters around an insert.
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
    """Inserts of random bases, each base as likely, between their adapters."""
    inserts = BASE_CODES[generator.integers(0, len(BASES), (number, length))]
    letters = np.concatenate([_repeated(construct.left_adapter, number), inserts, _repeated(construct.right_adapter, number)], axis=1)
    sequences = Ragged.from_lengths(letters.ravel(), np.full(number, letters.shape[1]))
    return Records([f"random_{row}" for row in range(1, number + 1)], sequences, np.arange(1, number + 1), "random inserts")


def _surroundings(constructs: Sequence[Construct]) -> tuple[str, str]:
    """The longest known letters to the left and to the right of an insert."""
    sides = [(construct.left.upper(), construct.right.upper()) for construct in constructs]
    left, right = (max((side[place] for side in sides), key=len) for place in (0, 1))
    adapters = {(construct.left_adapter.upper(), construct.right_adapter.upper()) for construct in constructs}
    if len(adapters) > 1 or not all(left.endswith(one) and right.startswith(other) for one, other in sides):
        names = " and ".join(construct.name for construct in constructs)
        raise ModelError(f"Expected models whose constructs put the same letters around an insert, got those of constructs {names}.")
    return left, right


def _repeated(text: str, rows: int) -> np.ndarray:
    return np.broadcast_to(letter_codes(text), (rows, len(text)))


def _refuse_codes(starts: Starts, records: Records) -> None:
    """A design is to be synthesised: each of its letters is one base."""
    wrong = starts.inside & ~IS_BASE[starts.letters]
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        came = f"{chr(starts.letters[row, column])!r} at position {column - starts.first + 1} of the insert"
        raise InputError(f"Expected only the bases {', '.join(BASES)} to start a design with, got {came} in {records.origin(int(row))}.")
