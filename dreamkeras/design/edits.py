"""Changes of designs: all single edits, random mutations, crossover. Whole populations at once.

`letters` are designs, uint8 (n, width); `editable`, bool (n, width), says which of them may change. Functions return new arrays.
"""

import numpy as np

from dreamkeras.sequence.alphabet import BASE_CODES, ONE_HOT

__all__ = ["crossed", "mutated", "single_edits", "within_edits"]

_OTHERS = BASE_CODES[(ONE_HOT.argmax(axis=1)[:, None] + np.arange(1, len(BASE_CODES))) % len(BASE_CODES)]
"""uint8 (256, 3): the bases that a letter may become."""


def single_edits(letters: np.ndarray, editable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All designs that differ from one of some in one letter.

    Returns:
        int64 (m,), the design that each comes from, and uint8 (m, width), by design, column and base.

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
    """Designs in which so many random letters, int (n,) `mutations`, became another base; as many as may, if these are fewer."""
    changes = _lowest(np.where(editable, generator.random(letters.shape), np.inf), mutations)
    kind = generator.integers(0, _OTHERS.shape[1], letters.shape)
    return np.where(changes, _OTHERS[letters, kind], letters)


def crossed(first: np.ndarray, second: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Designs, uint8 (n, width), with the letters of the second parent between two random columns, and those of the first around them."""
    cuts = np.sort(generator.integers(0, first.shape[1] + 1, (len(first), 2)), axis=1)
    columns = np.arange(first.shape[1])
    return np.where((columns >= cuts[:, :1]) & (columns < cuts[:, 1:]), second, first)


def within_edits(letters: np.ndarray, starts: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Designs in which random letters became those of their `starts` again, until no more than `most` differ."""
    kept = _lowest(np.where(letters != starts, generator.random(letters.shape), np.inf), np.full(len(letters), most))
    return np.where(kept, letters, starts)


def _lowest(draws: np.ndarray, number: np.ndarray) -> np.ndarray:
    """bool (n, width): each row's so many lowest draws, of those that are finite."""
    rank = np.argsort(np.argsort(draws, axis=1), axis=1)
    return (rank < number[:, None]) & np.isfinite(draws)
