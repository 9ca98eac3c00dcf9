"""Hold-outs: which examples are trained on and which validated on, so that the two share no sequence."""

import dataclasses

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.chromosomes import held_chromosomes
from dreamkeras.data.splits.similar import family_keys
from dreamkeras.errors import InputError

__all__ = ["draw_folds", "fold_split", "held_out", "split"]


def split(examples: Examples, fraction: float, seed: int = 0) -> tuple[Examples, Examples]:
    """Training and validation examples that share nothing, each in the order given; see `held_out`.

    Raises:
        InputError: The fraction or the seed is out of range, or one side would be empty.
    """
    held = held_out(examples, fraction, seed)
    return examples.select(~held), examples.select(held)


def held_out(examples: Examples, fraction: float, seed: int = 0) -> np.ndarray:
    """Which examples to validate on, so that they share no sequence with the others.

    Reverse complements, and copies in other flanks or with a few changed letters, count as the same. Of the windows of a genome,
    those with profiles, whole chromosomes are held out. The set of sequences and the seed decide, not their order in the file.

    Args:
        examples: At least two sequences that are not nearly the same; or windows on two chromosomes.
        fraction: Share of the examples to hold out, between 0 and 1; met to within the largest family of such sequences, or to within
            a chromosome.
        seed: Which; 0 or more.

    Returns:
        bool (n,).

    Raises:
        InputError: The fraction or the seed is out of range, or one side would be empty.
    """
    if not 0 < fraction < 1:
        raise InputError(f"Expected a validation fraction between 0 and 1, got {fraction}.")
    if seed < 0:
        raise InputError(f"Expected a seed of 0 or more, got {seed}.")
    if examples.profiles is not None:
        return held_chromosomes(examples.ids, fraction, seed)
    keys = family_keys(examples.letters, examples.lengths, examples.construct)
    held = _draw_groups(keys, max(1, round(fraction * len(examples))), seed)
    if not held.any() or held.all():
        families = len(np.unique(keys))
        raise InputError(
            f"Expected enough different sequences to hold out {fraction:g} of them, got {len(examples)} examples of {families} sequences "
            "or families of nearly the same: choose validation data or a fold."
        )
    return held


def fold_split(examples: Examples, valid_fold: int | str) -> tuple[Examples, Examples]:
    """Training examples and those to validate on: of a fold that the data's authors chose, or of a chromosome.

    Of a chromosome, ids begin with its name, as in `chr2L_100_348` or `chr2L:100-348`. Both sets keep their order.

    Raises:
        InputError: The examples have no folds, none of them is in this fold or on this chromosome, or all are.
    """
    if isinstance(valid_fold, str):
        held = _on_chromosome(examples.ids, valid_fold)
        if not held.any() or held.all():
            raise InputError(
                f"Expected ids of {valid_fold} and of other chromosomes, got {held.sum()} of {len(held)} that name {valid_fold}; "
                f"the first is {examples.ids[0]!r}."
            )
        return examples.select(~held), examples.select(held)
    if examples.folds is None:
        raise InputError(f"Expected examples with folds to validate on fold {valid_fold}, got none: the data have no fold column.")
    held = examples.folds == valid_fold
    if not held.any() or held.all():
        known = ", ".join(map(str, np.unique(examples.folds)))
        raise InputError(f"Expected fold {valid_fold} beside others, got folds: {known or 'none'}.")
    return examples.select(~held), examples.select(held)


def draw_folds(examples: Examples, count: int, seed: int = 0) -> Examples:
    """The examples with folds 0 to `count - 1`, two at least, each drawn by `held_out` from it and those after it.

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


def _on_chromosome(ids: list[str], chromosome: str) -> np.ndarray:
    """bool (n,): whether ids begin with this name as a whole, so that chr2 is not chr2L."""
    size = len(chromosome)
    return np.array([name.startswith(chromosome) and not name[size : size + 1].isalnum() for name in ids], bool)


def _draw_groups(keys: np.ndarray, wanted: int, seed: int) -> np.ndarray:
    """bool (n,): about `wanted` examples, whole groups of equal keys, drawn by the seed."""
    _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(counts))
    fits = counts[order] <= wanted  # one huge group must not become the whole validation set
    taken = fits & (np.cumsum(counts[order] * fits) <= wanted)
    held = np.zeros(len(counts), bool)
    held[order[taken]] = True
    return held[group]
