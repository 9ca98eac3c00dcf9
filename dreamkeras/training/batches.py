"""Examples to batches: each epoch a new order, each example once, letters as bytes until they are on the device."""

import itertools
from collections.abc import Iterator

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.alphabet import reverse_complement

__all__ = ["fitting_batch_size", "training_batches"]

Batch = tuple[dict[str, np.ndarray], np.ndarray]

FEWEST_STEPS = 100
SMALLEST_BATCH = 32


def fitting_batch_size(examples: int, batch_size: int) -> int:
    """A strategy's batch size, halved down to 32 at least until an epoch has 100 steps: small data need steps more than width.

    Example:
        >>> fitting_batch_size(11_466, 1024)
        64
    """
    while batch_size > SMALLEST_BATCH and examples < FEWEST_STEPS * batch_size:
        batch_size //= 2
    return batch_size


def training_batches(examples: Examples, steps: int, seed: int, both_strands: bool, first_epoch: int = 0) -> Iterator[Batch]:
    """Batches for `fit`, epoch after epoch without end.

    The order depends on the seed and the epoch alone, so that a resumed run sees what it would have seen.

    Args:
        examples: What to train on.
        steps: Batches an epoch; their sizes differ by at most one, so that none is too small for batch statistics.
        seed: Which orders.
        both_strands: Whether each window's reverse complement is a second example, with flag `is_reverse` inverted.
        first_epoch: Which epoch to begin with.

    Returns:
        Pairs of `{"letters": uint8 (batch, length), "flags": float32 (batch, flags)}` and targets float32 `(batch, tasks)`.
    """
    for epoch in itertools.count(first_epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(examples) * (2 if both_strands else 1))
        for index in np.array_split(order, steps):
            yield _batch(examples, index, both_strands)


def _batch(examples: Examples, index: np.ndarray, both_strands: bool) -> Batch:
    """Examples by index; from `len(examples)` on, the reverse complement of the one that many before."""
    turned = index >= len(examples)
    rows = index - turned * len(examples)
    letters, flags = examples.letters[rows], examples.flags[rows]
    if both_strands:
        letters[turned] = reverse_complement(letters[turned])
        column = _reverse_column(examples)
        flags[turned, column] = 1 - flags[turned, column]
    return {"letters": letters, "flags": flags}, examples.targets[rows]


def _reverse_column(examples: Examples) -> slice:
    """The column of `is_reverse`; none where the construct does not tell the model of strands."""
    flags = examples.construct.flags if examples.construct else ()
    return slice(flags.index("is_reverse"), flags.index("is_reverse") + 1) if "is_reverse" in flags else slice(0, 0)
