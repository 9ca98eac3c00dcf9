"""Shuffles sequences, with or without keeping the counts of all dinucleotides. Shuffled sequences are used as a background.

All possible shuffles of a sequence are equally likely. A dinucleotide shuffle is a random Eulerian path in a graph whose vertices are bases
and whose edges are dinucleotides. Many sequences are shuffled at a time with NumPy.
"""

import itertools

import numpy as np

from dreamkeras.sequence.alphabet import BASE_CODES, BASE_INDEX, BASES, IS_BASE
from dreamkeras.sequence.ragged import Ragged, batch_bounds

__all__ = ["shuffle_dinucleotides", "shuffle_letters"]

AT_ONCE = 1 << 20
"""Maximum number of bases that are shuffled at a time, so that about 100 MB of memory are used.

A longer stretch of known bases is shuffled separately.
"""
_KINDS = len(BASES)


def shuffle_dinucleotides(sequences: Ragged, random: np.random.Generator) -> Ragged:
    """Shuffles each sequence and keeps its dinucleotide counts.

    All orders with the same dinucleotide counts are equally likely, including the original order. Unknown bases keep their positions. Each
    stretch of known bases is shuffled separately and keeps its first and last base.

    Args:
        sequences: The n sequences, in any case.
        random: Random generator. One number is drawn per letter, so that the result does not depend on how sequences are batched.

    Returns:
        The n shuffled sequences, with bases in upper case.

    Example:
        >>> shuffle_dinucleotides(Ragged.from_strings(["AACAGNNTT"]), np.random.default_rng(0))[0]
        'ACAAGNNTT'
    """
    flat, draws = sequences.flat.copy(), random.random(len(sequences.flat))
    runs = _runs(sequences)
    for first, last in batch_bounds(np.concatenate([[0], np.cumsum(runs[:, 1])]), len(runs), AT_ONCE):
        _shuffle_runs(flat, runs[first:last], draws)
    return Ragged(flat, sequences.offsets)


def shuffle_letters(sequences: Ragged, random: np.random.Generator) -> Ragged:
    """Shuffles the letters of each sequence. All orders are equally likely, and dinucleotide counts are not kept."""
    owner = sequences.owners()
    return Ragged(sequences.flat[np.lexsort((random.random(len(owner)), owner))], sequences.offsets)


def _runs(sequences: Ragged) -> np.ndarray:
    """Returns the first position and the length of each stretch of known bases within a sequence, int64 (runs, 2)."""
    is_base = np.zeros(len(sequences.flat) + 2, bool)
    is_base[1:-1] = IS_BASE[sequences.flat]
    begins = is_base[1:-1] & ~is_base[:-2]
    begins[sequences.offsets[:-1][sequences.lengths > 0]] = True
    begins &= is_base[1:-1]
    starts = np.flatnonzero(begins)
    ends = is_base[1:-1] & ~is_base[2:]
    ends[sequences.offsets[1:][sequences.lengths > 0] - 1] = True
    ends &= is_base[1:-1]
    return np.stack([starts, np.flatnonzero(ends) + 1 - starts], axis=1)


def _shuffle_runs(flat: np.ndarray, runs: np.ndarray, draws: np.ndarray) -> None:
    """Shuffles stretches of `flat` in place. `runs` contains the first position and the length of each stretch."""
    starts, lengths = runs[np.argsort(-runs[:, 1], kind="stable")].T  # the longest stretch is first, as `_walk` requires
    begins = np.cumsum(lengths) - lengths
    owner = np.repeat(np.arange(len(starts)), lengths)
    place = np.arange(len(owner)) + np.repeat(starts - begins, lengths)
    letters = BASE_INDEX[flat[place]].astype(np.int64)
    is_step = np.ones(len(owner), bool)
    ends = begins + lengths - 1
    is_step[ends] = False
    vertex = (owner * _KINDS + letters)[is_step]
    target = np.roll(letters, -1)[is_step]
    counts = np.bincount(vertex * _KINDS + target, minlength=len(starts) * _KINDS**2).reshape(-1, _KINDS, _KINDS)
    draws = draws[place]
    exits = _last_exits(counts, letters[ends], draws[ends])
    targets = target[_order(vertex, target == exits.reshape(-1)[vertex], draws[is_step])]
    sizes = counts.sum(axis=2).reshape(-1)
    flat[place] = BASE_CODES[_walk(letters[begins], begins, lengths, targets, np.cumsum(sizes) - sizes)]


def _last_exits(counts: np.ndarray, ends: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Draws, for each base, which base follows its last occurrence in the shuffled sequence (the last exit).

    If the last exits form a tree that leads to the final base, all other dinucleotides can be used in any order (Altschul and Erickson
    1985). One of the possible trees is drawn. The probability of a tree is proportional to the product of the counts of its steps.

    Args:
        counts: Number of steps from base i to base j in each stretch, at `counts[stretch, i, j]`, int64 (runs, 4, 4).
        ends: Last base of each stretch, int64 (runs,).
        draws: Random numbers in [0, 1), float64 (runs,).

    Returns:
        Last exits, int64 (runs, 4). The value is -1 for the last base of a stretch.
    """
    exits = np.empty((len(counts), _KINDS), np.int64)
    for end in range(_KINDS):
        rows = np.flatnonzero(ends == end)
        ways = counts[rows].astype(np.float64)
        ways[ways.sum(axis=2) == 0, end] = 1  # a base that does not occur gets the exit `end`, which is compatible with every tree
        ways[:, end] = 1
        weights = np.cumsum(np.prod(ways[:, np.arange(_KINDS), _TREES[end]], axis=2), axis=1)
        chosen = (weights <= draws[rows, None] * weights[:, -1:]).sum(axis=1)
        exits[rows] = _TREES[end][chosen]
        exits[rows, end] = -1
    return exits


def _order(vertex: np.ndarray, is_exit: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Returns a random order of the steps, grouped by the base that a step leaves, with the last exit at the end of each group."""
    key = draws.copy()
    _, first = np.unique(vertex[is_exit], return_index=True)
    key[np.flatnonzero(is_exit)[first]] = 1
    return np.lexsort((key, vertex))


def _walk(first: np.ndarray, begins: np.ndarray, lengths: np.ndarray, targets: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Follows the steps of all stretches and returns the bases of the stretches, concatenated.

    Args:
        first: First base of each stretch, int64 (runs,).
        begins: Position of each stretch in the result, int64 (runs,).
        lengths: Length of each stretch, in descending order, int64 (runs,).
        targets: Base to which each step leads, grouped by stretch and by the base that the step leaves, int64 (steps,).
        ahead: Index in `targets` of the next step from each base of each stretch, int64 (4 * runs,). The array is modified.
    """
    letters = np.empty(int(lengths.sum()), np.int64)
    letters[begins] = here = first
    for step in range(1, int(lengths[0])):
        still = int(np.searchsorted(-lengths, -step))  # number of stretches with more than `step` bases
        vertex = np.arange(still) * _KINDS + here[:still]
        here = targets[ahead[vertex]]
        ahead[vertex] += 1
        letters[begins[:still] + step] = here
    return letters


def _trees(end: int) -> np.ndarray:
    """Returns all trees that lead from every base to `end`, int64 (trees, 4). A tree has one exit per base."""
    found = []
    for exits in itertools.product(range(_KINDS), repeat=_KINDS):
        reached = np.arange(_KINDS)
        for _ in range(_KINDS):
            reached = np.where(reached == end, end, np.array(exits)[reached])
        if exits[end] == end and (reached == end).all():
            found.append(exits)
    return np.array(found)


_TREES = [_trees(end) for end in range(_KINDS)]
