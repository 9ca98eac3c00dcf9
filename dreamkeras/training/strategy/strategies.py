"""Training strategies of the teams in the DREAM challenge, by name."""

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
"""Number of steps during which the learning rate of team Unlock_DNA rises. The team trained twenty epochs of this number of steps."""


class OptimizerSchedules(NamedTuple):
    """Schedules of an optimiser, for the learning rate and for beta_1. A one-cycle schedule changes both the learning rate and beta_1."""

    learning_rate: keras.optimizers.schedules.LearningRateSchedule
    beta_1: keras.optimizers.schedules.LearningRateSchedule | float = 0.9


class Strategy(NamedTuple):
    """Training strategy of a network. The options of a run can replace individual fields.

    Args:
        name: Name of the strategy on the command line.
        epochs: Number of passes over the examples.
        batch_size: Examples per optimiser step.
        learning_rate: Peak learning rate of the schedule. If None, the rate is computed from the width of the network's core, as described
            by Vaswani et al.
        weight_decay: Decoupled weight decay for all trainable variables.
        optimizer: Function that creates an optimiser. Its arguments are the schedules (see `schedule`), the weight decay, and further
            arguments of Keras's optimisers.
        schedule: Function that makes the schedules from the peak learning rate and the number of steps.
        strands: Use of the reverse complement of a window. With `"augment"`, the reverse complement is a second example. With `"pair"`, the
            window and its reverse complement are in the same batch. With `"given"`, the reverse complement is not used. A construct with
            the strand rule `"given"` overrides this field.
        clip_norm: Maximum norm of the vector that contains all gradients. If None, the norm is not clipped.
        clip_value: Maximum absolute value of a gradient, applied after `clip_norm`. If None, values are not clipped.
        mask: Fraction of bases that are masked. The network is trained to predict the masked bases.
        loss: Name of a loss in `training.strategy.losses`. If None, the loss of the final block is used.
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
        """Returns the peak learning rate for a network whose core has `width` channels."""
        return (width * NOAM_WARMUP) ** -0.5 if self.learning_rate is None else self.learning_rate

    def make_optimizer(self, steps: int, ema: float | None = None) -> keras.optimizers.Optimizer:
        """Makes the optimiser of a run.

        Args:
            steps: Total number of optimiser steps.
            ema: Decay of the exponential moving average of the weights. If None, no average is computed.

        Raises:
            ModelError: The learning rate of the strategy is None.
        """
        if self.learning_rate is None:
            raise ModelError(f"The strategy {self.name} has no learning rate. Compute one with peak_rate.")
        options = {"clip_norm": self.clip_norm, "clip_value": self.clip_value}
        if ema is not None:
            options |= {"use_ema": True, "ema_momentum": ema}
        return self.optimizer(self.schedule(self.learning_rate, steps), self.weight_decay, **options)

    def with_optimizer(self, name: str) -> "Strategy":
        """Returns the strategy with another optimiser.

        For Lion, the learning rate is divided by ten and the weight decay multiplied by ten, as its authors recommend.

        Raises:
            ModelError: The optimiser is unknown. The message lists all optimisers.
        """
        if name not in OPTIMIZERS:
            raise ModelError(f"Expected one of the optimizers {', '.join(OPTIMIZERS)}, got {name!r}.")
        optimizer = OPTIMIZERS[name]
        if optimizer is not lion or self.optimizer is lion:
            return self._replace(optimizer=optimizer)
        rate = None if self.learning_rate is None else self.learning_rate / 10
        return self._replace(optimizer=lion, learning_rate=rate, weight_decay=10 * self.weight_decay)


def one_cycle(peak: float, steps: int) -> OptimizerSchedules:
    """Returns the one-cycle schedules of torch.

    The learning rate rises from peak / 25 to peak, and then falls to peak / 250,000. At the same time, beta_1 falls from 0.95 to 0.85, and
    then rises to 0.95.
    """
    return OptimizerSchedules(OneCycle(peak / 25, peak, peak / 25e4, steps), OneCycle(0.95, 0.85, 0.95, steps))


def cosine(peak: float, steps: int) -> OptimizerSchedules:
    """Returns a schedule that falls from the peak to 0 over all steps, along half a cosine."""
    return OptimizerSchedules(keras.optimizers.schedules.CosineDecay(peak, steps))


def noam(peak: float, steps: int) -> OptimizerSchedules:
    """Returns the Noam schedule.

    As in the training of team Unlock_DNA, the learning rate rises for a twentieth of the steps, but at most for `NOAM_WARMUP` steps.
    """
    return OptimizerSchedules(Noam(peak, min(NOAM_WARMUP, max(1, steps // 20))))


def adamw(schedules: OptimizerSchedules, weight_decay: float, **options) -> keras.optimizers.Optimizer:
    """Makes the optimiser AdamW with the default arguments of torch."""
    return CyclingAdamW(schedules.learning_rate, beta_1=schedules.beta_1, weight_decay=weight_decay, **options)


def adam(schedules: OptimizerSchedules, weight_decay: float, **options) -> keras.optimizers.Optimizer:
    """Makes the optimiser Adam with the beta_2 and epsilon of the original transformer (Vaswani et al. 2017)."""
    return CyclingAdamW(schedules.learning_rate, beta_1=schedules.beta_1, beta_2=0.98, epsilon=1e-9, weight_decay=weight_decay, **options)


def lion(schedules: OptimizerSchedules, weight_decay: float, **options) -> keras.optimizers.Optimizer:
    """Makes the optimiser Lion with the betas that its authors recommend. The beta_1 of a one-cycle schedule is ignored."""
    return ClippedLion(schedules.learning_rate, beta_1=0.9, beta_2=0.99, weight_decay=weight_decay, **options)


OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = dict(zip(names.OPTIMIZERS, (adamw, adam, lion), strict=True))
"""Functions that make optimisers, by the name of the optimiser."""

AUTOSOME = Strategy("autosome", 80, 1024, 0.005, weight_decay=0.01, optimizer=adamw, schedule=one_cycle)
"""Strategy of team autosome, which the DREAM models use (Rafi et al. 2024; Penzar et al. 2023)."""

BHI = Strategy("bhi", 80, 1024, 0.0015, weight_decay=0.01, optimizer=adamw, schedule=cosine, strands="pair")
"""Strategy of team BHI (Rafi et al. 2024)."""

UNLOCKDNA = Strategy("unlockdna", 20, 512, None, weight_decay=0.0, optimizer=adam, schedule=noam, clip_norm=1.0, clip_value=0.5, mask=0.2)
"""Strategy of team Unlock_DNA in the Prix Fixe framework. The network is trained on both strands, because predictions are averaged over
both strands."""

PROFORMER = UNLOCKDNA._replace(name="proformer", mask=0.05)
"""Strategy of team Unlock_DNA in the DREAM challenge."""

LEGNET = AUTOSOME.with_optimizer("lion")._replace(name="legnet")
"""Strategy of team autosome after the challenge, with Lion (Penzar et al. 2023)."""

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in (AUTOSOME, BHI, UNLOCKDNA, PROFORMER, LEGNET)}
"""All strategies, by name."""


def find_strategy(name: str) -> Strategy:
    """Returns the strategy with the given name.

    Raises:
        ModelError: The name is unknown. The message lists all strategies.
    """
    if name not in STRATEGIES:
        raise ModelError(f"Expected one of the strategies {', '.join(sorted(STRATEGIES))}, got {name!r}.")
    return STRATEGIES[name]
