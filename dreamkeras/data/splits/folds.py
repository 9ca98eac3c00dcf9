"""draw_folds: examples in folds of equal size that share no sequence, where their authors chose none."""

import dataclasses

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.hold_out import held_out
from dreamkeras.errors import InputError

__all__ = ["draw_folds"]


def draw_folds(examples: Examples, count: int, seed: int = 0) -> Examples:
    """The examples with folds 0 to `count - 1`, each what `held_out` holds out of it and those after it.

    Args:
        examples: Enough different sequences for so many folds.
        count: At least 2.
        seed: Which folds; 0 or more.

    Raises:
        InputError: There are too few folds or sequences.

    Example:
        >>> windows = np.frombuffer(b"AAAACCCCGGGATTTCACAC", np.uint8).reshape(5, 4)
        >>> narrow = np.zeros((5, 1), np.float32)
        >>> sorted(draw_folds(Examples(list("abcde"), windows, narrow, narrow, np.full(5, 4)), 5).folds.tolist())
        [0, 1, 2, 3, 4]
    """
    if count < 2:
        raise InputError(f"Expected two or more folds, got {count}.")
    folds = np.full(len(examples), count - 1, np.int32)
    left = np.arange(len(examples))
    for fold in range(count - 1):
        held = held_out(examples.select(left), 1 / (count - fold), seed)
        folds[left[held]] = fold
        left = left[~held]
    return dataclasses.replace(examples, folds=folds)
