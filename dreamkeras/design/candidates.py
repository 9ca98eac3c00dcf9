"""Stores scored designs as arrays, and selects the best designs for each start sequence."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from dreamkeras.scoring.distinct import window_keys

__all__ = ["Candidates", "best_of_each", "candidate_keys", "empty_candidates", "far_apart", "joined"]


class Candidates(NamedTuple):
    """Scored designs.

    Args:
        owner: Index of the start sequence of each design, int64 (n,).
        letters: The designs in the layout of `Starts.letters`, one per row, uint8 (n, width).
        value: Prediction for each design, float64 (n,).
        objective: Objective of each design, float64 (n,). Higher is better.
    """

    owner: np.ndarray
    letters: np.ndarray
    value: np.ndarray
    objective: np.ndarray

    def select(self, index: np.ndarray) -> "Candidates":
        """Returns the designs at `index`, which is an integer array or a boolean mask."""
        return Candidates(*(column[index] for column in self))


def empty_candidates(width: int) -> Candidates:
    """Returns an empty set of designs."""
    return Candidates(np.empty(0, np.int64), np.empty((0, width), np.uint8), np.empty(0), np.empty(0))


def joined(parts: Iterable[Candidates]) -> Candidates:
    """Concatenates sets of designs in order."""
    return Candidates(*map(np.concatenate, zip(*parts, strict=True)))


def candidate_keys(owner: np.ndarray, letters: np.ndarray) -> np.ndarray:
    """Returns a hash of each design and of the index of its start sequence, uint64 (n,).

    Equal designs of the same start sequence have equal hashes. Different designs very rarely have equal hashes.
    """
    return window_keys([letters]) + owner.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def best_of_each(candidates: Candidates, number: int) -> np.ndarray:
    """Selects the best distinct designs of each start sequence, at most `number` of them, best first.

    Among equally good designs, those that come first in `candidates` are selected.

    Returns:
        Indices of the selected designs, int64 (kept,).
    """
    order = _falling(candidates)
    if number > 1:
        _, first = np.unique(candidate_keys(candidates.owner[order], candidates.letters[order]), return_index=True)
        order = order[np.sort(first)]
    owner = candidates.owner[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    return order[rank < number]


def far_apart(candidates: Candidates, lengths: np.ndarray, number: int, distance: int, taken: Candidates) -> np.ndarray:
    """For each start sequence, selects the best designs that differ enough from all designs that were selected before.

    Args:
        candidates: n designs.
        lengths: Length of the insert of each start sequence, int64 (starts,). Only designs of the same length are compared.
        number: Maximum number of designs per start sequence.
        distance: Minimum number of bases in which two designs must differ.
        taken: Designs that were already selected for earlier start sequences.

    Returns:
        Indices of the selected designs, int64 (kept,), ordered by start sequence and, for each start sequence, best first.
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
