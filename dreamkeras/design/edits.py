"""Edits many designs at a time: all single edits, random mutations and crossover.

The argument `letters` contains the designs, uint8 (n, width). The argument `editable`, bool (n, width), marks the letters that may
change. Functions return new arrays.
"""

import numpy as np

from dreamkeras.sequence.alphabet import BASE_CODES, ONE_HOT

__all__ = ["crossed", "mutated", "single_edits", "within_edits"]

_OTHERS = BASE_CODES[(ONE_HOT.argmax(axis=1)[:, None] + np.arange(1, len(BASE_CODES))) % len(BASE_CODES)]
"""The three bases that can replace each letter, uint8 (256, 3)."""


def single_edits(letters: np.ndarray, editable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns all designs that differ from one of the given designs in a single letter.

    Returns:
        Two arrays: the index of the original design, int64 (m,), and the edited design, uint8 (m, width), ordered by design, column and
        base.

    Example:
        >>> row = np.frombuffer(b"AC", np.uint8)[None]
        >>> [one.tobytes().decode() for one in single_edits(row, np.array([[True, False]]))[1]]
        ['CC', 'GC', 'TC']
    """
    rows, columns = np.nonzero(editable)
    kinds = _OTHERS.shape[1]
    source, column = np.repeat(rows, kinds), np.repeat(columns, kinds)
    edited = letters[source]
    edited[np.arange(len(edited)), column] = _OTHERS[letters[rows, columns]].ravel()
    return source, edited


def mutated(letters: np.ndarray, editable: np.ndarray, mutations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Replaces random letters of each design by other bases.

    Args:
        letters: n designs.
        editable: Letters that may change.
        mutations: Number of mutations in each design, int (n,). If a design has fewer editable letters, all its editable letters are
            changed.
        generator: Random number generator.
    """
    changes = _lowest(np.where(editable, generator.random(letters.shape), np.inf), mutations)
    kind = generator.integers(0, _OTHERS.shape[1], letters.shape)
    return np.where(changes, _OTHERS[letters, kind], letters)


def crossed(first: np.ndarray, second: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Combines pairs of parents into designs, uint8 (n, width). Letters between two random columns come from the second parent."""
    cuts = np.sort(generator.integers(0, first.shape[1] + 1, (len(first), 2)), axis=1)
    columns = np.arange(first.shape[1])
    return np.where((columns >= cuts[:, :1]) & (columns < cuts[:, 1:]), second, first)


def within_edits(letters: np.ndarray, starts: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Reverts random edits of each design to the letters of its start, so that at most `most` edits remain."""
    kept = _lowest(np.where(letters != starts, generator.random(letters.shape), np.inf), np.full(len(letters), most))
    return np.where(kept, letters, starts)


def _lowest(draws: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Marks the lowest finite draws of each row, bool (n, width). `number` is the number of draws to mark in each row."""
    rank = np.argsort(np.argsort(draws, axis=1), axis=1)
    return (rank < number[:, None]) & np.isfinite(draws)
