"""Checks the constraints for many designs at a time.

The checks include sites and runs of equal bases that extend from an insert into the constant bases around it.
"""

from collections.abc import Iterator

import numpy as np

from dreamkeras.design.constraints import Constraints
from dreamkeras.design.starts import Starts
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import IS_BASE, IS_GC
from dreamkeras.sequence.site_search import both_strands, has_site

__all__ = ["Rules", "letters_beside"]

ROWS = 8192
"""Number of designs that are checked at a time."""


def letters_beside(constraints: Constraints) -> int:
    """Returns how many constant bases on each side of an insert are required to check sites and runs that extend beyond the insert."""
    return max([0, constraints.homopolymer or 0, *(len(site) - 1 for site in (*constraints.forbid, *constraints.require))])


class Rules:
    """Checks whether designs from given start sequences satisfy constraints.

    Args:
        constraints: The constraints.
        starts: The start sequences.

    Raises:
        InputError: Fixed positions are outside an insert, or all positions of an insert are fixed.
    """

    def __init__(self, constraints: Constraints, starts: Starts) -> None:
        self.constraints, self.starts = constraints, starts
        self.editable = starts.inside
        for first, last in constraints.fixed:
            if len(starts.lengths) and last > starts.lengths.min():
                row = int(starts.lengths.argmin())
                raise InputError(
                    f"Fixed positions {first}-{last} are outside the insert of {starts.ids[row]!r}, which has {starts.lengths[row]} bases."
                )
            self.editable[:, starts.first + first - 1 : starts.first + last] = False
        if not self.editable.any(axis=1).all():
            raise InputError(f"All positions of the insert of {starts.ids[int(self.editable.any(axis=1).argmin())]!r} are fixed.")
        self._forbid, self._require = both_strands(constraints.forbid), [both_strands([site]) for site in constraints.require]

    def edits(self, owner: np.ndarray, letters: np.ndarray) -> np.ndarray:
        """Returns the number of bases in which each design differs from its start sequence, int64 (n,)."""
        return (letters != self.starts.letters[owner]).sum(axis=1)

    def allowed(self, owner: np.ndarray, letters: np.ndarray) -> np.ndarray:
        """Checks which designs satisfy all constraints.

        Args:
            owner: Index of the start sequence of each design, int64 (n,).
            letters: The designs, uint8 (n, width).

        Returns:
            Whether each design satisfies all constraints, bool (n,).
        """
        allowed = np.ones(len(owner), bool)
        for first in range(0, len(owner), ROWS):
            rows = slice(first, first + ROWS)
            for _, broken in self._broken(owner[rows], letters[rows]):
                allowed[rows] &= ~broken
        return allowed

    def require_starts(self) -> None:
        """Checks that all start sequences satisfy the constraints, because a search must begin with allowed sequences.

        Raises:
            InputError: A start sequence violates a constraint. The message names the start sequence and the constraint.
        """
        everyone = np.arange(len(self.starts.ids))
        for wanted, broken in self._broken(everyone, self.starts.letters):
            if broken.any():
                name = self.starts.ids[int(broken.argmax())]
                others = f" and {broken.sum() - 1:,} more" if broken.sum() > 1 else ""
                raise InputError(f"Constraint not satisfied by the start sequence {name!r}{others}: {wanted}.")

    def _broken(self, owner: np.ndarray, letters: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Yields each constraint as a text, with an array bool (n,) that marks the designs that violate the constraint."""
        ask, first, stops = self.constraints, self.starts.first, self.starts.stops[owner]
        yield "fixed bases are unchanged", ((letters != self.starts.letters[owner]) & ~self.editable[owner]).any(axis=1)
        yield "no adapter at an end of the insert", self._brings_adapter(owner, letters)
        if ask.max_edits is not None:
            yield f"at most {ask.max_edits} edits", self.edits(owner, letters) > ask.max_edits
        if ask.gc:
            inside = letters[:, first : int(stops.max(initial=first))]
            within = np.arange(first, first + inside.shape[1]) < stops[:, None]
            percent = 100 * (IS_GC[inside] & within).sum(axis=1) / self.starts.lengths[owner]
            yield f"GC content of {ask.gc[0]:g} to {ask.gc[1]:g} %", (percent < ask.gc[0]) | (percent > ask.gc[1])
        if ask.homopolymer:
            yield f"at most {ask.homopolymer} equal bases in a row", _has_run(letters, ask.homopolymer + 1, first, stops)
        if ask.forbid:
            yield f"no {' or '.join(ask.forbid)} on either strand", has_site(letters, self._forbid, first, stops)
        for site, strands in zip(ask.require, self._require, strict=True):
            yield f"{site} on at least one strand", ~has_site(letters, strands, first, stops)

    def _brings_adapter(self, owner: np.ndarray, letters: np.ndarray) -> np.ndarray:
        """Returns whether each insert begins or ends with a copy of an adapter, bool (n,).

        If such an insert is given without adapters, the copy is mistaken for the adapter.
        """
        (left, right), first, stops = self.starts.adapters, self.starts.first, self.starts.stops[owner]
        brings = np.zeros(len(owner), bool)
        if left:
            brings |= (letters[:, first : first + left] == letters[:, first - left : first]).all(axis=1) & (first + left <= stops)
        if right:
            columns = stops[:, None] + np.arange(right)
            rows = np.arange(len(owner))[:, None]
            brings |= (letters[rows, columns - right] == letters[rows, columns]).all(axis=1) & (stops - right >= first + left)
        return brings


def _has_run(letters: np.ndarray, length: int, first: int, stops: np.ndarray) -> np.ndarray:
    """Returns whether each design has `length` equal bases in a row, at least one of which is in the insert, bool (n,)."""
    begin = max(0, first - length + 1)
    columns = np.arange(begin, letters.shape[1] - length + 1)
    shows = IS_BASE[letters[:, begin : begin + len(columns)]] & (columns < stops[:, None])
    for step in range(1, length):
        shows &= letters[:, begin + step : begin + step + len(columns)] == letters[:, begin : begin + len(columns)]
    return shows.any(axis=1)
