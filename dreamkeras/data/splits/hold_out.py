"""Splits examples into training and validation sets, and into folds."""

import dataclasses

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.folds import is_in_fold, list_folds
from dreamkeras.data.splits.choice import Drawn, Method, choose_folds, choose_hold_out
from dreamkeras.data.splits.chromosomes import held_chromosomes
from dreamkeras.data.splits.names import HOLDOUTS, LEGACY
from dreamkeras.errors import InputError

__all__ = ["deal_examples", "draw_folds", "draw_hold_out", "fold_split", "split"]


def split(examples: Examples, fraction: float, seed: int = 0, holdout: str = "similar") -> tuple[Examples, Examples]:
    """Splits examples into training and validation examples, see `draw_hold_out`. Examples keep their order.

    By default, the two sets share no sequence: a near-duplicate, a reverse complement, or a copy with other flanks counts as the same
    sequence.

    Raises:
        InputError: The fraction or the seed is out of range, or the training or validation set would be empty.
    """
    held = draw_hold_out(examples, fraction, seed, holdout).rows
    return examples.select(~held), examples.select(held)


def draw_hold_out(examples: Examples, fraction: float, seed: int = 0, holdout: str = "similar", tasks: tuple[str, ...] = ()) -> Drawn:
    """Draws the examples to validate on.

    With `holdout="similar"`, families of similar sequences are not divided. With `"random"`, only copies and reverse complements of one
    sequence are kept together. With `"auto"`, families are not divided if the hold-out then represents the data, see
    `data.splits.choice`. For genomic windows, which have profiles, complete chromosomes are held out. The selection does not depend on the
    order of sequences in the file.

    Args:
        examples: Examples with at least two distinct sequences, or windows on at least two chromosomes.
        fraction: Share of the examples to hold out, between 0 and 1. The actual share may differ from `fraction`, because families and
            chromosomes are not divided.
        seed: Random seed, 0 or more.
        holdout: One of `data.splits.names.HOLDOUTS`, or `LEGACY`.
        tasks: Names of the tasks, used in the reason of the method.

    Returns:
        Whether each example is held out, bool (n,), and how the hold-out was drawn.

    Raises:
        InputError: The fraction, the seed or the rule is out of range, or the training or validation set would be empty.
    """
    if not 0 < fraction < 1:
        raise InputError(f"Expected a validation fraction between 0 and 1, got {fraction}.")
    _check(seed, holdout)
    if examples.profiles is not None:
        held = held_chromosomes(examples.ids, fraction, seed)
        sizes = np.unique([name.rpartition(":")[0] for name in examples.ids], return_counts=True)[1]
        return Drawn(held, Method("chromosomes", "", len(sizes), int(sizes.max())))
    return choose_hold_out(examples, fraction, seed, holdout, tasks)


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
            others = "" if examples.folds is None else f" The folds of the data are {list_folds(examples.folds)}."
            raise InputError(
                f"Expected some ids that begin with {fold} and some that do not, got {held.sum()} of {len(held)} that do. "
                f"The first id is {examples.ids[0]!r}.{others}"
            )
    elif examples.folds is None:
        raise InputError(f"Cannot use fold {fold}: the data have no fold column.")
    elif not held.any() or held.all():
        raise InputError(f"Expected fold {fold} and at least one other fold, got folds: {list_folds(examples.folds) or 'none'}.")
    return examples.select(~held), examples.select(held)


def draw_folds(examples: Examples, count: int, seed: int = 0, holdout: str = "similar") -> Examples:
    """Returns the examples with random folds, numbered from 0 to `count - 1`. By default, no sequence is in two folds, see `split`.

    Raises:
        InputError: `count` is below 2, the seed or the rule is out of range, or there are too few sequences.

    Example:
        >>> windows = np.frombuffer(b"AAAACCCCGGGATTTCACAC", np.uint8).reshape(5, 4)
        >>> narrow = np.zeros((5, 1), np.float32)
        >>> sorted(draw_folds(Examples(list("abcde"), windows, narrow, narrow, np.full(5, 4)), 5).folds.tolist())
        [0, 1, 2, 3, 4]
    """
    return dataclasses.replace(examples, folds=deal_examples(examples, count, seed, holdout).rows)


def deal_examples(examples: Examples, count: int, seed: int = 0, holdout: str = "similar", tasks: tuple[str, ...] = ()) -> Drawn:
    """Draws random folds of equal size. See `draw_folds` and `draw_hold_out`.

    Returns:
        Fold of each example, int32 (n,), and how the folds were drawn.

    Raises:
        InputError: `count` is below 2, the seed or the rule is out of range, or there are too few sequences.
    """
    if count < 2:
        raise InputError(f"Expected two or more folds, got {count}.")
    _check(seed, holdout)
    if holdout != LEGACY and examples.profiles is None:
        return choose_folds(examples, count, seed, holdout, tasks)
    folds, left = np.full(len(examples), count - 1, np.int32), np.arange(len(examples))
    methods = []
    for fold in range(count - 1):
        held, method = draw_hold_out(examples.select(left), 1 / (count - fold), seed, LEGACY)
        methods.append(method)
        folds[left[held]] = fold
        left = left[~held]
    return Drawn(folds, methods[0])


def _check(seed: int, holdout: str) -> None:
    """Raises an error if the seed or the rule is out of range."""
    if seed < 0:
        raise InputError(f"Expected a seed of 0 or more, got {seed}.")
    if holdout not in (*HOLDOUTS, LEGACY):
        raise InputError(f"Expected holdout to be one of {', '.join(HOLDOUTS)}, got {holdout!r}.")


def _on_chromosome(ids: list[str], chromosome: str) -> np.ndarray:
    """Returns whether each id begins with the complete name of a chromosome, bool (n,). For example, chr2 does not match chr2L."""
    size = len(chromosome)
    return np.array([name.startswith(chromosome) and not name[size : size + 1].isalnum() for name in ids], bool)
