"""Splits examples into training and validation sets that share no sequence."""

import dataclasses

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.folds import describe_folds, is_in_fold
from dreamkeras.data.splits.chromosomes import held_chromosomes
from dreamkeras.data.splits.similar import family_keys
from dreamkeras.errors import InputError

__all__ = ["draw_folds", "fold_split", "held_out", "split"]


def split(examples: Examples, fraction: float, seed: int = 0) -> tuple[Examples, Examples]:
    """Splits examples into training and validation examples that share no sequence, see `held_out`. Examples keep their order.

    Raises:
        InputError: The fraction or the seed is out of range, or the training or validation set would be empty.
    """
    held = held_out(examples, fraction, seed)
    return examples.select(~held), examples.select(held)


def held_out(examples: Examples, fraction: float, seed: int = 0) -> np.ndarray:
    """Selects the examples to validate on, such that they share no sequence with the training examples.

    A near-duplicate, a reverse complement, or a copy with other flanks counts as the same sequence. For genomic windows, which have
    profiles, complete chromosomes are held out. The selection does not depend on the order of sequences in the file.

    Args:
        examples: Examples with at least two distinct sequences, or windows on at least two chromosomes.
        fraction: Share of the examples to hold out, between 0 and 1. The actual share may differ from `fraction`, because families of
            near-duplicates and chromosomes are not divided.
        seed: Random seed, 0 or more.

    Returns:
        Whether each example is held out, bool (n,).

    Raises:
        InputError: The fraction or the seed is out of range, or the training or validation set would be empty.
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
            f"Cannot hold out a share of {fraction:g}: near-duplicates must be in the same set, and the number of distinct sequences "
            f"in the {len(examples)} examples is only {families}. Use separate validation data or a fold."
        )
    return held


def fold_split(examples: Examples, fold: int | str) -> tuple[Examples, Examples]:
    """Splits examples into the examples outside a fold or chromosome and the examples in it. Examples keep their order.

    A fold is looked up in the folds of the examples. If the examples have no folds, or only numbered ones, a text is the name of a
    chromosome. An example is on a chromosome if its id begins with the chromosome's name, as in `chr2L_100_348` or `chr2L:100-348`.

    Args:
        examples: Examples to split.
        fold: Number or name of a fold, or name of a chromosome.

    Raises:
        InputError: The examples have no folds, or one of the two sets would be empty.
    """
    held = np.zeros(len(examples), bool) if examples.folds is None else is_in_fold(examples.folds, fold)
    is_text = examples.folds is not None and examples.folds.dtype.kind == "U"
    if isinstance(fold, str) and not is_text and not held.any():
        held = _on_chromosome(examples.ids, fold)
        if not held.any() or held.all():
            others = "" if examples.folds is None else f" The folds of the data are {describe_folds(examples.folds)}."
            raise InputError(
                f"Expected some ids that begin with {fold} and some that do not, got {held.sum()} of {len(held)} that do. "
                f"The first id is {examples.ids[0]!r}.{others}"
            )
    elif examples.folds is None:
        raise InputError(f"Cannot use fold {fold}: the data have no fold column.")
    elif not held.any() or held.all():
        raise InputError(f"Expected fold {fold} and at least one other fold, got folds: {describe_folds(examples.folds) or 'none'}.")
    return examples.select(~held), examples.select(held)


def draw_folds(examples: Examples, count: int, seed: int = 0) -> Examples:
    """Returns the examples with random folds, numbered from 0 to `count - 1`. No sequence is in two folds, see `held_out`.

    Raises:
        InputError: `count` is below 2, or there are too few sequences.

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
    """Returns whether each id begins with the complete name of a chromosome, bool (n,). For example, chr2 does not match chr2L."""
    size = len(chromosome)
    return np.array([name.startswith(chromosome) and not name[size : size + 1].isalnum() for name in ids], bool)


def _draw_groups(keys: np.ndarray, wanted: int, seed: int) -> np.ndarray:
    """Selects about `wanted` examples at random, bool (n,). Examples with equal keys are all selected or all omitted."""
    _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(counts))
    fits = counts[order] <= wanted  # A single very large group must not become the complete validation set.
    taken = fits & (np.cumsum(counts[order] * fits) <= wanted)
    held = np.zeros(len(counts), bool)
    held[order[taken]] = True
    return held[group]
