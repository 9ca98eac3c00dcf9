"""Makes the plan of a run: the strategy, the augmentation, the batch size and the number of steps."""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples, require_examples
from dreamkeras.errors import InputError, counted
from dreamkeras.models.presets import find_preset
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.training.batches.augmentation import Augmentation
from dreamkeras.training.batches.dataset import fitting_batch_size
from dreamkeras.training.batches.sampling import epoch_size
from dreamkeras.training.config import RunConfig
from dreamkeras.training.epochs.trained_length import require_length
from dreamkeras.training.strategy.length import default_epochs
from dreamkeras.training.strategy.strategies import Strategy, find_strategy, one_cycle

__all__ = ["Done", "Plan", "make_plan", "settled_strategy"]


class Done(NamedTuple):
    """Part of a run that was trained before the run is resumed.

    Args:
        epochs: Number of epochs. The last of these epochs may be incomplete if `--steps` was given.
        steps: Number of optimiser steps. None if the checkpoint of an older version does not contain the number.
        planned: Total number of steps of the run before it was extended. None if the run had a number of epochs instead.
    """

    epochs: int = 0
    steps: int | None = 0
    planned: int | None = None

    def steps_of(self, epoch_steps: int) -> int:
        """Returns the number of steps. In runs of older versions, only the last epoch can be incomplete."""
        if self.steps is not None:
            return self.steps
        return min(self.epochs * epoch_steps, self.planned or self.epochs * epoch_steps)


class Plan(NamedTuple):
    """Plan of a run.

    Args:
        strategy: Strategy in which all options have values.
        augmentation: Augmentation of the examples.
        epochs: Number of passes over the examples. The last pass may be incomplete.
        batch_size: Examples per step.
        epoch_steps: Number of steps of a complete epoch.
        steps: Total number of optimiser steps.
        begun: Number of optimiser steps that were trained before the run is resumed.
        note: Sentence on the expected time, if it was measured.
    """

    strategy: Strategy
    augmentation: Augmentation
    epochs: int
    batch_size: int
    epoch_steps: int
    steps: int
    begun: int = 0
    note: str = ""

    def describe(self, training: int, validation: int, backend: str) -> str:
        """Formats the plan as one log line.

        Args:
            training: Number of training examples.
            validation: Number of validation examples.
            backend: Name of the backend.
        """
        steps = f"{counted(self.steps, 'step')} of {self.batch_size} in {counted(self.epochs, 'epoch')}"
        sequences = f"Training on {counted(training, 'sequence')}, validating on {validation:,}"
        return f"{sequences}: {steps}, strategy {self.strategy.name}, {backend}. {self.note}".rstrip()


def make_plan(config: RunConfig, network: PrixFixe, training: Examples, done: Done = Done()) -> Plan:  # noqa: B008  # immutable
    """Makes the plan of a run, of which a part may have been trained.

    Raises:
        InputError: The configured length is shorter than the part that has been trained, there are too few examples for one batch, or a
            task has no values. The error is also raised if `jitter` is set for an assay without a singleton flag, or if windows would be
            shifted by their length or more.
        ModelError: A name in the configuration is unknown.
    """
    if config.jitter and "is_singleton" not in network.construct.flags:
        raise InputError(f"jitter requires an assay with the flag is_singleton, but assay {config.assay} has no such flag.")
    for name in ("slide", "test_shifts"):
        if (most := getattr(config, name)) >= network.construct.length:
            raise InputError(f"Expected {name} below the window length of {network.construct.length} bases, got {most}.")
    strategy = settled_strategy(config, network)
    augmentation = Augmentation(
        strands=strategy.strands,
        slide=config.slide,
        jitter=config.jitter,
        mask=strategy.mask,
        mutate=config.detect_mutations,
        balance=config.balance,
        nonpeak_ratio=config.atac.nonpeak_ratio if config.atac else 0.0,
        truths=tuple(kind for kind, share in (("nucleotides", strategy.mask), ("mutated", config.detect_mutations)) if share),
    )
    windows = len(training) if training.is_peak is None else epoch_size(training.is_peak, augmentation.nonpeak_ratio)
    rows = windows * (2 if strategy.strands == "augment" else 1)
    batch_size = config.batch_size or fitting_batch_size(rows, strategy.batch_size)
    require_examples(training, batch_size, "one batch (batch_size)")
    for task, column in zip(network.tasks, training.targets.T, strict=True):
        if np.isnan(column).all():
            raise InputError(f"None of the {len(training):,} training examples has a value of {task}.")
    epoch_steps = -(-rows // batch_size)
    begun = done.steps_of(epoch_steps)
    require_length(config, done.epochs, begun)
    if total := config.fitted_steps or config.steps:
        epochs, steps = done.epochs - (begun - total) // epoch_steps, total
    else:
        epochs = config.epochs or default_epochs(windows, strategy.epochs)
        steps = begun + (epochs - done.epochs) * epoch_steps
    return Plan(strategy, augmentation, epochs, batch_size, epoch_steps, steps, begun)


def settled_strategy(config: RunConfig, network: PrixFixe) -> Strategy:
    """Returns the strategy of a run, with the options of its configuration applied.

    If the configuration has no learning rate, the peak learning rate of the strategy is used. In a one-cycle schedule, the rate of the
    strategy is limited to the maximum learning rate of the core block.
    """
    strategy = find_strategy(config.strategy or find_preset(config.model).strategy)
    rate = strategy.peak_rate(network.width)
    if strategy.schedule is one_cycle and network.core.learning_rate:
        rate = min(rate, network.core.learning_rate)
    strategy = strategy._replace(learning_rate=rate)
    if config.optimizer:
        strategy = strategy.with_optimizer(config.optimizer)
    strands = strategy.strands if network.construct.strands == "both" else "given"
    return strategy._replace(
        learning_rate=config.learning_rate or strategy.learning_rate,
        strands=strands,
        mask=strategy.mask if config.mask is None else config.mask,
        loss=config.loss or strategy.loss,
    )
