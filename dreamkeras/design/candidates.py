"""Candidates: designs that were scored, as arrays, and the choice of the best of each start's."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from dreamkeras.scoring.distinct import window_keys

__all__ = ["Candidates", "best_of_each", "candidate_keys", "empty_candidates", "far_apart", "joined"]


class Candidates(NamedTuple):
    """Designs and their predictions.

    Args:
        owner: int64 (n,), the start that each is of.
        letters: uint8 (n, width), as in `Starts`.
        value: float64 (n,), what is predicted.
        objective: float64 (n,), the higher the better.
    """

    owner: np.ndarray
    letters: np.ndarray
    value: np.ndarray
    objective: np.ndarray

    def select(self, index: np.ndarray) -> "Candidates":
        """Those at `index`, integers or a boolean mask."""
        return Candidates(*(column[index] for column in self))


def empty_candidates(width: int) -> Candidates:
    """None at all."""
    return Candidates(np.empty(0, np.int64), np.empty((0, width), np.uint8), np.empty(0), np.empty(0))


def joined(parts: Iterable[Candidates]) -> Candidates:
    """Several sets as one, in their order."""
    return Candidates(*map(np.concatenate, zip(*parts, strict=True)))


def candidate_keys(owner: np.ndarray, letters: np.ndarray) -> np.ndarray:
    """uint64 (n,): numbers that are the same for the same design of one start, and for hardly any others."""
    return window_keys([letters]) + owner.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def best_of_each(candidates: Candidates, number: int) -> np.ndarray:
    """The best different designs of each start, at most `number`, each start's in falling order; of equal ones the first.

    Returns:
        int64 (kept,), rows.
    """
    order = _falling(candidates)
    if number > 1:
        _, first = np.unique(candidate_keys(candidates.owner[order], candidates.letters[order]), return_index=True)
        order = order[np.sort(first)]
    owner = candidates.owner[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    return order[rank < number]


def far_apart(candidates: Candidates, lengths: np.ndarray, number: int, distance: int, taken: Candidates) -> np.ndarray:
    """The best designs of each start that are far enough from all better ones of it, and from those of other starts before it.

    Args:
        candidates: n designs.
        lengths: int64 (starts,), letters of each start's insert; only designs of one length are compared.
        number: How many of each start, at most.
        distance: Fewest letters in which any two differ.
        taken: Designs that are chosen already.

    Returns:
        int64 (kept,), rows, each start's in falling order.
    """
    order = _falling(candidates)
    kept = [np.empty(0, np.int64)]
    chosen: dict[int, list[np.ndarray]] = {}
    for owner, letters in zip(taken.owner.tolist(), taken.letters, strict=True):
        chosen.setdefault(int(lengths[owner]), []).append(letters)
    for rows in np.split(order, np.flatnonzero(np.diff(candidates.owner[order])) + 1) if len(order) else ():
        others = chosen.setdefault(int(lengths[candidates.owner[rows[0]]]), [])
        for letters in others:
            rows = rows[_is_far(candidates, rows, letters, distance)]
        for _ in range(number):
            kept.append(rows[:1])
            others += list(candidates.letters[rows[:1]])
            rows = rows[_is_far(candidates, rows, candidates.letters[rows[:1]], distance)]
    return np.concatenate(kept)


def _is_far(candidates: Candidates, rows: np.ndarray, letters: np.ndarray, distance: int) -> np.ndarray:
    return (candidates.letters[rows] != letters).sum(axis=1) >= distance


def _falling(candidates: Candidates) -> np.ndarray:
    return np.lexsort((-candidates.objective, candidates.owner))
