"""Greedy and beam search: one letter at a time, of every start at once."""

from collections.abc import Callable

import numpy as np

from dreamkeras.design.candidates import Candidates, best_of_each, candidate_keys
from dreamkeras.design.edits import single_edits
from dreamkeras.design.search import Search

__all__ = ["PATIENCE", "Proposer", "all_edits", "beam", "greedy"]

PATIENCE = 3
"""Steps that beam search goes on for from a start whose best design stays the same."""

Proposer = Callable[[Search, Candidates], tuple[np.ndarray, np.ndarray]]
"""Takes designs, and returns what each may become: int64 (m,), starts, and uint8 (m, width), letters."""


def all_edits(search: Search, members: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Every single edit of some designs."""
    source, letters = single_edits(members.letters, search.rules.editable[members.owner])
    return members.owner[source], letters


def greedy(search: Search, propose: Proposer = all_edits) -> None:
    """Makes the best edit of each design, again and again, for as long as it makes it better.

    Args:
        search: Where from and what for.
        propose: Proposes the designs that are tried at each step.
    """
    members = search.begin()
    while len(members.owner):
        before = search.best.objective
        if search.step(*propose(search, members)) is None:
            return
        members = search.best.select(search.best.objective > before)


def beam(search: Search, width: int) -> None:
    """Keeps the best `width` designs of each start at each step, better or not than those before them, and goes on from all of them.

    So it passes edits that pay only together with a second one. A start is given up once its best design has stayed the same for
    `PATIENCE` steps.
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
