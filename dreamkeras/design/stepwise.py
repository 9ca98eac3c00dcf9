"""Implements greedy search and beam search, which change one base per step. All start sequences are processed at the same time."""

from collections.abc import Callable

import numpy as np

from dreamkeras.design.candidates import Candidates, best_of_each, candidate_keys
from dreamkeras.design.edits import single_edits
from dreamkeras.design.search import Search

__all__ = ["PATIENCE", "Proposer", "all_edits", "beam", "greedy"]

PATIENCE = 3
"""Number of steps without improvement after which beam search stops for a start sequence."""

Proposer = Callable[[Search, Candidates], tuple[np.ndarray, np.ndarray]]
"""Function that takes a search and its current designs, and returns the designs to try next.

The result is two arrays: the index of the start sequence of each new design, int64 (m,), and the new designs, uint8 (m, width).
"""


def all_edits(search: Search, members: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Proposes all single-base changes of the given designs."""
    source, letters = single_edits(members.letters, search.rules.editable[members.owner])
    return members.owner[source], letters


def greedy(search: Search, propose: Proposer = all_edits) -> None:
    """Repeatedly applies the best edit to each design, until no edit improves the design.

    Args:
        search: The search, which contains the start sequences and the goal.
        propose: Function that proposes the designs to try in each step.
    """
    members = search.begin()
    while len(members.owner):
        before = search.best.objective
        if search.step(*propose(search, members)) is None:
            return
        members = search.best.select(search.best.objective > before)


def beam(search: Search, width: int) -> None:
    """Each step edits the best `width` designs that the previous step found for each start sequence, even if earlier designs are better.

    Beam search can therefore find pairs of edits that are beneficial only in combination. The search for a start sequence stops
    after `PATIENCE` steps without an improvement of its best design.
    """
    members = search.begin()
    seen = candidate_keys(members.owner, members.letters)
    highest, since = members.objective.copy(), np.zeros(len(members.owner), np.int64)
    while len(members.owner):
        found = search.step(*all_edits(search, members))
        if found is None:
            return
        fresh = found.select(~np.isin(candidate_keys(found.owner, found.letters), seen))
        members = fresh.select(best_of_each(fresh, width))
        seen = np.concatenate([seen, candidate_keys(members.owner, members.letters)])
        best = search.best.objective
        since = np.where(best > highest, 0, since + 1)
        highest = best
        members = members.select(since[members.owner] < PATIENCE)
