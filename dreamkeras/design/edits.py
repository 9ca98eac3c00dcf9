"""Edits many designs at a time, by single-base changes, random mutations or crossover.

The argument `letters` contains the designs, uint8 (n, width). The argument `editable`, bool (n, width), marks the bases that may
change. Functions return new arrays.
"""

import numpy as np

from dreamkeras.sequence.alphabet import BASE_CODES, ONE_HOT

__all__ = ["crossed", "mutated", "single_edits", "within_edits"]

_OTHERS = BASE_CODES[(ONE_HOT.argmax(axis=1)[:, None] + np.arange(1, len(BASE_CODES))) % len(BASE_CODES)]
"""For the ASCII code of each base, the three other bases, uint8 (256, 3)."""


def single_edits(letters: np.ndarray, editable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns all designs that differ from one of the given designs in a single base.

    Returns:
        Two arrays: for each edited design, the row of its original design in `letters`, int64 (m,), and the edited designs, uint8 (m,
        width). The edited designs are ordered by original design and then by column.

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
    """Replaces random bases of each design with other bases.

    Args:
        letters: n designs.
        editable: Whether each base may change, bool (n, width).
        mutations: Number of mutations in each design, int (n,). If a design has fewer editable bases than mutations, all its
            editable bases are changed.
        generator: Random number generator.
    """
    changes = _lowest(np.where(editable, generator.random(letters.shape), np.inf), mutations)
    kind = generator.integers(0, _OTHERS.shape[1], letters.shape)
    return np.where(changes, _OTHERS[letters, kind], letters)


def crossed(first: np.ndarray, second: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Combines pairs of parents into designs, uint8 (n, width).

    Bases between two random columns come from the second parent, and all other bases come from the first parent.
    """
    cuts = np.sort(generator.integers(0, first.shape[1] + 1, (len(first), 2)), axis=1)
    columns = np.arange(first.shape[1])
    return np.where((columns >= cuts[:, :1]) & (columns < cuts[:, 1:]), second, first)


def within_edits(letters: np.ndarray, starts: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Reverts random edits of each design, so that the design differs from its start sequence in at most `most` bases."""
    kept = _lowest(np.where(letters != starts, generator.random(letters.shape), np.inf), np.full(len(letters), most))
    return np.where(kept, letters, starts)


def _lowest(draws: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Marks the lowest finite random numbers in each row, bool (n, width).

    Args:
        draws: Random numbers, or infinity at positions that must not be marked, float64 (n, width).
        number: Number of positions to mark in each row, int (n,).
    """
    rank = np.argsort(np.argsort(draws, axis=1), axis=1)
    return (rank < number[:, None]) & np.isfinite(draws)
