"""Examples to batches: each epoch in a new order, letters as bytes until they are on the device."""

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
    """A strategy's batch size, halved down to 32 at least until an epoch has 100 steps: small data need steps more than width.

    Example:
        >>> fitting_batch_size(11_466, 1024)
        64
    """
    while batch_size > SMALLEST_BATCH and examples < FEWEST_STEPS * batch_size:
        batch_size //= 2
    return batch_size


def training_batches(examples: Examples, steps: int, seed: int, augmentation: Augmentation, first_epoch: int = 0) -> Iterator[Batch]:
    """Batches for `fit`, epoch after epoch without end.

    What an epoch holds depends on the seed and its number alone, so that a resumed run sees what it would have seen.

    Args:
        examples: What to train on.
        steps: Batches an epoch; their sizes differ by at most one, so that none is too small for batch statistics.
        seed: Which orders and draws.
        augmentation: What is done to the examples.
        first_epoch: Which epoch to begin with.

    Returns:
        Pairs of `{"letters": uint8 (batch, length), "flags": float32 (batch, flags)}` and targets float32 `(batch, tasks)`; where
        `augmentation.truths` are wanted, the targets under `"expression"`, with `"letters"` uint8 before masking and exchange,
        and `"masked"` and `"mutated"`, bool, each `(batch, length)`. Examples with profiles are shifted within their margins, and the
        reads at each position, float32 `(batch, positions)`, stand beside the targets as `"profile"`. Where examples have weights,
        these are the third, float32 `(batch,)`, 1 in the mean over all examples.
    """
    singletons = _column(examples, "is_singleton")
    bins = Bins(examples.targets) if augmentation.balance else None
    weights = None if examples.weights is None else examples.weights / examples.weights.mean()
    for epoch in itertools.count(first_epoch):
        generator = np.random.default_rng([seed, epoch])
        for index in np.array_split(_order(examples, bins, augmentation, generator), steps):
            if augmentation.strands == "pair":
                index = np.concatenate([index, index + len(examples)])
            batch = _augmented(*_rows(examples, index, augmentation.strands, generator), singletons, augmentation, generator)
            yield batch if weights is None else (*batch, weights[index % len(examples)])


def _order(examples: Examples, bins: Bins | None, augmentation: Augmentation, generator: np.random.Generator) -> np.ndarray:
    """The examples of an epoch by index; from `len(examples)` on, the other strand of the one that many before."""
    turned = augmentation.strands == "augment"
    if examples.is_peak is None:
        return epoch_order(len(examples), turned, bins, generator)
    rows = epoch_rows(examples.is_peak, augmentation.nonpeak_ratio, generator)
    is_turned, row = np.divmod(epoch_order(len(rows), turned, None, generator), len(rows))
    return rows[row] + len(examples) * is_turned


def _rows(
    examples: Examples, index: np.ndarray, strands: str, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Letters, flags and truths by index; from `len(examples)` on, the other strand of the one that many before."""
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
    """Windows anywhere within their margins, the profiles there, and the logarithms of their reads."""
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
    """The column of a flag; none where the construct does not tell the model of it."""
    flags = examples.construct.flags if examples.construct else ()
    return slice(flags.index(flag), flags.index(flag) + 1) if flag in flags else slice(0, 0)
