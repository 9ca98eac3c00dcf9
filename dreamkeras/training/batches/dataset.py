"""Generates batches of examples, in a new order for each epoch. Sequences stay uint8 until they are on the device."""

import itertools
from collections.abc import Iterator

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.alphabet import N, reverse_complement
from dreamkeras.sequence.packing import is_packed, left_packed
from dreamkeras.training.batches.augmentation import Augmentation, choose_bases, cut, jitter, mutate, slide
from dreamkeras.training.batches.sampling import Bins, epoch_order, epoch_rows

__all__ = ["fitting_batch_size", "training_batches"]

Inputs = dict[str, np.ndarray]
Targets = np.ndarray | dict[str, np.ndarray]
Batch = tuple[Inputs, Targets] | tuple[Inputs, Targets, np.ndarray]

FEWEST_STEPS = 100
SMALLEST_BATCH = 32


def fitting_batch_size(examples: int, batch_size: int) -> int:
    """Halves the batch size until an epoch has at least 100 steps or the batch size is at most 32.

    Returns the new batch size. Training on small data sets benefits from more steps in an epoch.

    Example:
        >>> fitting_batch_size(11_466, 1024)
        64
    """
    while batch_size > SMALLEST_BATCH and examples < FEWEST_STEPS * batch_size:
        batch_size //= 2
    return batch_size


def training_batches(examples: Examples, steps: int, seed: int, augmentation: Augmentation, first_epoch: int = 0) -> Iterator[Batch]:
    """Yields training batches for the `fit` method of Keras, for an unlimited number of epochs.

    The contents of an epoch depend only on the seed and the number of the epoch, so that a resumed run trains on the same batches as an
    uninterrupted run.

    Args:
        examples: Training examples.
        steps: Number of batches in an epoch. The batch sizes differ by at most one example, so that no batch is too small for batch
            statistics.
        seed: Random seed for the order and the augmentation of examples.
        augmentation: Augmentation of the examples.
        first_epoch: Number of the first epoch, counted from 0.

    Yields:
        A pair for each batch: the inputs `{"letters": uint8 (batch, length), "flags": float32 (batch, flags)}`, and the targets, float32
        `(batch, tasks)`. If `augmentation.truths` is not empty, the targets are a dictionary. The key `"expression"` contains the values of
        the tasks, and `"letters"` contains the windows before masking and mutation, uint8 `(batch, length)`. The keys `"masked"` and
        `"mutated"` contain the masked and mutated positions, bool `(batch, length)`. For examples with profiles, the targets include
        `"profile"`, the number of reads at each position, float32 `(batch, positions)`. Examples with profiles are shifted at random within
        their margins. If the examples have weights, each batch has the weights as a third element, float32 `(batch,)`. The mean weight of
        all examples is scaled to 1.
    """
    singletons = _column(examples, "is_singleton")
    bins = Bins(examples.targets) if augmentation.balance else None
    weights = None if examples.weights is None else _scaled_weights(examples.weights)
    for epoch in itertools.count(first_epoch):
        generator = np.random.default_rng([seed, epoch])
        for index in np.array_split(_order(examples, bins, augmentation, generator), steps):
            if augmentation.strands == "pair":
                index = np.concatenate([index, index + len(examples)])
            batch = _augmented(*_rows(examples, index, augmentation.strands, generator), singletons, augmentation, generator)
            yield batch if weights is None else (*batch, weights[index % len(examples)])


def _scaled_weights(weights: np.ndarray) -> np.ndarray:
    """Returns weights with a mean of 1, float32 (n,). The sum of many large weights may exceed the range of float32."""
    return (weights / weights.mean(dtype=np.float64)).astype(np.float32)


def _order(examples: Examples, bins: Bins | None, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """Returns the indices of the examples in the order of an epoch. Index `len(examples) + i` is the reverse complement of example `i`."""
    turned = augmentation.strands == "augment"
    if examples.is_peak is None:
        return epoch_order(len(examples), turned, bins, generator)
    rows = epoch_rows(examples.is_peak, augmentation.nonpeak_ratio, generator)
    is_turned, row = np.divmod(epoch_order(len(rows), turned, None, generator), len(rows))
    return rows[row] + len(examples) * is_turned


def _rows(
    examples: Examples, index: np.ndarray, strands: str, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Returns the letters, flags and targets of the examples with the given indices.

    Index `len(examples) + i` is the reverse complement of example `i`.
    """
    turned = index >= len(examples)
    rows = index - turned * len(examples)
    letters, flags, truths = examples.letters[rows], examples.flags[rows], {"expression": examples.targets[rows]}
    if examples.profiles is not None:
        letters, truths = _shifted(letters, examples.profiles[rows], examples.margin, generator)
    if strands != "given":
        letters[turned] = reverse_complement(letters[turned])
        if examples.construct and is_packed(examples.construct):
            letters = left_packed(letters)
        column = _column(examples, "is_reverse")
        flags[turned, column] = 1 - flags[turned, column]
        if "profile" in truths:
            truths["profile"][turned] = truths["profile"][turned, ::-1]
    return letters, flags, truths


def _shifted(
    letters: np.ndarray, profiles: np.ndarray, margin: int, generator: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Cuts each window and its profile at a random offset within the margin, and computes the expression as log(1 + reads)."""
    starts = generator.integers(0, 2 * margin + 1, len(letters))
    profiles = cut(profiles, profiles.shape[1] - 2 * margin, starts)
    truths = {"expression": np.log1p(profiles.sum(axis=1, keepdims=True)), "profile": profiles}
    return cut(letters, letters.shape[1] - 2 * margin, starts), truths


def _augmented(
    letters: np.ndarray,
    flags: np.ndarray,
    truths: dict[str, np.ndarray],
    singletons: slice,
    augmentation: Augmentation,
    generator: np.random.Generator,
) -> tuple[Inputs, Targets]:
    if augmentation.slide:
        letters = slide(letters, augmentation.slide, generator)
    if augmentation.jitter:
        is_singleton = flags[:, singletons].max(axis=1, initial=0) > 0
        truths["expression"] = jitter(truths["expression"], is_singleton, augmentation.jitter, generator)
    if augmentation.truths:
        truths["letters"] = letters
    if augmentation.mutate:
        truths["mutated"] = choose_bases(letters, augmentation.mutate, generator)
        letters = mutate(letters, truths["mutated"], generator)
    if augmentation.mask:
        truths["masked"] = choose_bases(letters, augmentation.mask, generator)
        letters = np.where(truths["masked"], N, letters)
    return {"letters": letters, "flags": flags}, truths if augmentation.truths or "profile" in truths else truths["expression"]


def _column(examples: Examples, flag: str) -> slice:
    """Returns the column of a flag as a slice. The slice is empty if the construct does not have the flag."""
    flags = examples.construct.flags if examples.construct else ()
    return slice(flags.index(flag), flags.index(flag) + 1) if flag in flags else slice(0, 0)
