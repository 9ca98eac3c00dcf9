"""Candidates: designs that were scored, as arrays, and the choice of the best of each start's."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from dreamkeras.scoring.distinct import window_keys

__all__ = ["Candidates", "best_of_each", "candidate_keys", "diverse", "empty_candidates", "joined"]


class Candidates(NamedTuple):
    """Designs and what the model says of them.

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
    """The best different designs of each start, each start's in falling order.

    Args:
        candidates: n designs.
        number: How many of each start, at most.

    Returns:
        int64 (kept,), rows; of equal ones the first.
    """
    order = _falling(candidates)
    _, first = np.unique(candidate_keys(candidates.owner[order], candidates.letters[order]), return_index=True)
    order = order[np.sort(first)]
    return order[_rank(candidates.owner[order]) < number]


def diverse(candidates: Candidates, number: int, distance: int) -> np.ndarray:
    """The best designs of each start that are far enough apart, the best first, then the next that is far enough from all before it.

    Args:
        candidates: n designs.
        number: How many of each start, at most.
        distance: Fewest letters in which two of one start's differ.

    Returns:
        int64 (kept,), rows, each start's in falling order.
    """
    if distance <= 1:
        return best_of_each(candidates, number)
    order = _falling(candidates)
    kept = [np.empty(0, np.int64)]
    for _ in range(number):
        if not len(order):
            break
        _, first, places = np.unique(candidates.owner[order], return_index=True, return_inverse=True)
        chosen = order[first]
        kept.append(chosen)
        apart = (candidates.letters[order] != candidates.letters[chosen][places]).sum(axis=1)
        order = order[apart >= distance]
    rows = np.concatenate(kept)
    return rows[np.argsort(candidates.owner[rows], kind="stable")]


def _falling(candidates: Candidates) -> np.ndarray:
    return np.lexsort((-candidates.objective, candidates.owner))


def _rank(owner: np.ndarray) -> np.ndarray:
    """int64 (n,): how many rows of the same owner stand before each; owners ascend."""
    return np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
