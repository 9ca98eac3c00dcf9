"""Shuffled sequences that keep every count of two neighbouring letters: what a sequence is compared with.

Uniform over all such sequences: a random Euler path, by way of a random tree of last exits. Works on all sequences at once.
"""

import itertools

import numpy as np

from dreamkeras.sequence.alphabet import BASE_CODES, BASE_INDEX, BASES, IS_BASE
from dreamkeras.sequence.ragged import Ragged, batch_bounds

__all__ = ["shuffle_dinucleotides", "shuffle_letters"]

AT_ONCE = 1 << 20
"""Letters that are shuffled at once, 100 MB of numbers; a longer sequence stands alone."""
_KINDS = len(BASES)


def shuffle_dinucleotides(sequences: Ragged, random: np.random.Generator) -> Ragged:
    """Each sequence with its letters in another order and all its counts of two neighbouring letters as they were.

    Every such order is equally likely, that of the sequence among them. The first and the last letter stay, and so does every letter
    that is no base: the bases between two of those are shuffled by themselves.

    Args:
        sequences: n sequences, in any case.
        random: The generator: one number a letter, so that it is the same whether sequences come together or one by one.

    Returns:
        n sequences of the same lengths, bases in upper case.

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
    """Each sequence with its letters in another order, every order equally likely: counts of single letters stay, no others."""
    owner = sequences.owners()
    return Ragged(sequences.flat[np.lexsort((random.random(len(owner)), owner))], sequences.offsets)


def _runs(sequences: Ragged) -> np.ndarray:
    """int64 (runs, 2): first position and length of each stretch of bases within a sequence."""
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
    """Shuffles these stretches of `flat` in place."""
    starts, lengths = runs[np.argsort(-runs[:, 1], kind="stable")].T  # so that those that a step still walks are the first
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
    """The letter that each letter is left to for the last time; -1 for the letter that a path ends with.

    Any order of the other steps is then a path to the end, if the last exits are a tree that leads there (Altschul and Erickson 1985).
    The trees are few enough to weigh all of them by the number of steps that each can be made of.

    Args:
        counts: int64 (runs, 4, 4), steps from letter to letter.
        ends: int64 (runs,), each run's last letter.
        draws: float64 (runs,), at least 0 and below 1, which choose.

    Returns:
        int64 (runs, 4).
    """
    exits = np.empty((len(counts), _KINDS), np.int64)
    for end in range(_KINDS):
        rows = np.flatnonzero(ends == end)
        ways = counts[rows].astype(np.float64)
        ways[ways.sum(axis=2) == 0, end] = 1  # a letter that is never left is in nobody's way
        ways[:, end] = 1
        weights = np.cumsum(np.prod(ways[:, np.arange(_KINDS), _TREES[end]], axis=2), axis=1)
        chosen = (weights <= draws[rows, None] * weights[:, -1:]).sum(axis=1)
        exits[rows] = _TREES[end][chosen]
        exits[rows, end] = -1
    return exits


def _order(vertex: np.ndarray, is_exit: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The steps by the letter they leave, in random order but for an exit, which is each letter's last."""
    key = draws.copy()
    _, first = np.unique(vertex[is_exit], return_index=True)
    key[np.flatnonzero(is_exit)[first]] = 1
    return np.lexsort((key, vertex))


def _walk(first: np.ndarray, begins: np.ndarray, lengths: np.ndarray, targets: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """The letters of all paths, one after the other.

    Args:
        first: int64 (runs,), the letter that each begins with.
        begins: int64 (runs,), where its letters go.
        lengths: int64 (runs,), its letters, the longest run first.
        targets: int64 (steps,), where the steps from each run's letters lead, in the order in which they are taken.
        ahead: int64 (4 * runs,), the next of those for each letter of each run; changed.
    """
    letters = np.empty(int(lengths.sum()), np.int64)
    letters[begins] = here = first
    for step in range(1, int(lengths[0])):
        still = int(np.searchsorted(-lengths, -step))  # runs with more letters than that
        vertex = np.arange(still) * _KINDS + here[:still]
        here = targets[ahead[vertex]]
        ahead[vertex] += 1
        letters[begins[:still] + step] = here
    return letters


def _trees(end: int) -> np.ndarray:
    """int64 (trees, 4): every way to lead each letter to another so that all come to `end`."""
    found = []
    for exits in itertools.product(range(_KINDS), repeat=_KINDS):
        reached = np.arange(_KINDS)
        for _ in range(_KINDS):
            reached = np.where(reached == end, end, np.array(exits)[reached])
        if exits[end] == end and (reached == end).all():
            found.append(exits)
    return np.array(found)


_TREES = [_trees(end) for end in range(_KINDS)]
