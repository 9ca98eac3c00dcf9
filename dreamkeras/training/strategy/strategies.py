"""Training strategies as data: what each team did beyond `fit`, by name."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import keras

from dreamkeras.errors import ModelError
from dreamkeras.training import names
from dreamkeras.training.strategy.optimizers import ClippedLion, CyclingAdamW
from dreamkeras.training.strategy.schedules import Noam, OneCycle

__all__ = [
    "AUTOSOME",
    "BHI",
    "LEGNET",
    "OPTIMIZERS",
    "PROFORMER",
    "STRATEGIES",
    "UNLOCKDNA",
    "OptimizerSchedules",
    "Strategy",
    "find_strategy",
    "one_cycle",
]

NOAM_WARMUP = 12_500
"""Steps of Unlock_DNA's rise, one of its twenty epochs."""


class OptimizerSchedules(NamedTuple):
    """The learning rate of each step, and the decay of Adam's mean gradient, which a one-cycle schedule moves, too."""

    learning_rate: keras.optimizers.schedules.LearningRateSchedule
    beta_1: keras.optimizers.schedules.LearningRateSchedule | float = 0.9


class Strategy(NamedTuple):
    """How a network is trained. Options replace single fields by `_replace`.

    Args:
        name: What the command line calls it.
        epochs: Passes over the examples.
        batch_size: Examples an optimiser step.
        learning_rate: The highest rate of the schedule; None takes Vaswani's for the width of the network's core.
        weight_decay: Decoupled decay of every trainable variable.
        optimizer: Makes an optimiser from its schedules, the weight decay and keywords of `keras.optimizers`.
        schedule: Makes them from the highest rate and the number of steps.
        strands: What the other strand of a window is: `"augment"`: a second example; `"pair"`: half of an example, whose loss is the
            mean over both; `"given"`: nothing. Constructs that are measured as given are trained as given.
        clip_norm: Highest norm of all gradients as one vector; None leaves it.
        clip_value: Highest magnitude of a gradient's value, after that; None leaves it.
        mask: Share of the letters that are masked and to be told.
        loss: A name of `training.strategy.losses`; None takes the final block's own.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float | None
    weight_decay: float
    optimizer: Callable[..., keras.optimizers.Optimizer]
    schedule: Callable[[float, int], OptimizerSchedules]
    strands: Literal["augment", "pair", "given"] = "augment"
    clip_norm: float | None = None
    clip_value: float | None = None
    mask: float = 0.0
    loss: str | None = None

    def peak_rate(self, width: int) -> float:
        """The highest learning rate for a network whose core has so many channels."""
        return (width * NOAM_WARMUP) ** -0.5 if self.learning_rate is None else self.learning_rate

    def make_optimizer(self, steps: int, ema: float | None = None) -> keras.optimizers.Optimizer:
        """The optimiser for a run of this many steps.

        Args:
            steps: Optimiser steps in all.
            ema: Share that the moving average of the weights keeps at each step; None has no average.

        Raises:
            ModelError: The learning rate is still open.
        """
        if self.learning_rate is None:
            raise ModelError(f"Expected strategy {self.name} with a learning rate, got None: take peak_rate.")
        options = {"clip_norm": self.clip_norm, "clip_value": self.clip_value}
        if ema is not None:
            options |= {"use_ema": True, "ema_momentum": ema}
        return self.optimizer(self.schedule(self.learning_rate, steps), self.weight_decay, **options)

    def with_optimizer(self, name: str) -> "Strategy":
        """The strategy with another optimiser; a tenth of the rate and ten times the decay for Lion, as its authors advise.

        Raises:
            ModelError: There is no such optimiser; the message lists those there are.
        """
        if name not in OPTIMIZERS:
            raise ModelError(f"Expected one of the optimizers {', '.join(OPTIMIZERS)}, got {name!r}.")
        optimizer = OPTIMIZERS[name]
        if optimizer is not lion or self.optimizer is lion:
            return self._replace(optimizer=optimizer)
        rate = None if self.learning_rate is None else self.learning_rate / 10
        return self._replace(optimizer=lion, learning_rate=rate, weight_decay=10 * self.weight_decay)


def one_cycle(peak: float, steps: int) -> OptimizerSchedules:
    """torch's one-cycle policy: the rate from peak / 25 up and down to that / 10,000, beta_1 0.95 - 0.85 - 0.95."""
    return OptimizerSchedules(OneCycle(peak / 25, peak, peak / 25e4, steps), OneCycle(0.95, 0.85, 0.95, steps))


def cosine(peak: float, steps: int) -> OptimizerSchedules:
    """Half a cosine from the peak to 0, over the whole training in steps."""
    return OptimizerSchedules(keras.optimizers.schedules.CosineDecay(peak, steps))


def noam(peak: float, steps: int) -> OptimizerSchedules:
    """A straight rise, then a fall with the root of the steps; a short training rises for a twentieth of it, as the team's did."""
    return OptimizerSchedules(Noam(peak, min(NOAM_WARMUP, max(1, steps // 20))))


def adamw(schedules: OptimizerSchedules, weight_decay: float, **options) -> keras.optimizers.Optimizer:
    """torch's AdamW."""
    return CyclingAdamW(schedules.learning_rate, beta_1=schedules.beta_1, weight_decay=weight_decay, **options)


def adam(schedules: OptimizerSchedules, weight_decay: float, **options) -> keras.optimizers.Optimizer:
    """Adam with the second moment of transformers."""
    return CyclingAdamW(schedules.learning_rate, beta_1=schedules.beta_1, beta_2=0.98, epsilon=1e-9, weight_decay=weight_decay, **options)


def lion(schedules: OptimizerSchedules, weight_decay: float, **options) -> keras.optimizers.Optimizer:
    """Lion with its authors' decays; a cycle moves the rate alone."""
    return ClippedLion(schedules.learning_rate, beta_1=0.9, beta_2=0.99, weight_decay=weight_decay, **options)


OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = dict(zip(names.OPTIMIZERS, (adamw, adam, lion), strict=True))
"""Every optimiser, by the name that the command line knows it by."""

AUTOSOME = Strategy("autosome", 80, 1024, 0.005, weight_decay=0.01, optimizer=adamw, schedule=one_cycle)
"""Team autosome's trainer, which the DREAM models use (Rafi et al. 2024; Penzar et al. 2023)."""

BHI = Strategy("bhi", 80, 1024, 0.0015, weight_decay=0.01, optimizer=adamw, schedule=cosine, strands="pair")
"""Team BHI's trainer (Rafi et al. 2024)."""

UNLOCKDNA = Strategy("unlockdna", 20, 512, None, weight_decay=0.0, optimizer=adam, schedule=noam, clip_norm=1.0, clip_value=0.5, mask=0.2)
"""Team Unlock_DNA's trainer as in the Prix Fixe framework; both strands are trained, because a model answers for both."""

PROFORMER = UNLOCKDNA._replace(name="proformer", mask=0.05)
"""Team Unlock_DNA's trainer as it entered the challenge."""

LEGNET = AUTOSOME.with_optimizer("lion")._replace(name="legnet")
"""Team autosome's trainer after the challenge, with Lion (Penzar et al. 2023)."""

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in (AUTOSOME, BHI, UNLOCKDNA, PROFORMER, LEGNET)}
"""Every strategy, by name."""


def find_strategy(name: str) -> Strategy:
    """The strategy of this name.

    Raises:
        ModelError: There is none; the message lists those there are.
    """
    if name not in STRATEGIES:
        raise ModelError(f"Expected one of the strategies {', '.join(sorted(STRATEGIES))}, got {name!r}.")
    return STRATEGIES[name]
