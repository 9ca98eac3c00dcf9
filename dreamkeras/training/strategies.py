"""Training strategies as data: what each team did beyond `fit`, by name."""

from collections.abc import Callable
from typing import NamedTuple

import keras

from dreamkeras.errors import ModelError
from dreamkeras.training.optimizers import CyclingAdamW
from dreamkeras.training.schedules import OneCycle

__all__ = ["AUTOSOME", "STRATEGIES", "Strategy", "find_strategy"]


class Strategy(NamedTuple):
    """How a network is trained.

    Args:
        name: What the command line calls it.
        epochs: Passes over the examples.
        batch_size: Examples an optimiser step.
        learning_rate: The highest rate of the schedule.
        weight_decay: Decoupled decay of every trainable variable.
        reverse_complement: Whether the other strand of each window is a second example, with `is_reverse` 1.
        optimizer: Makes the optimiser from the strategy and the number of steps.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    reverse_complement: bool
    optimizer: Callable[["Strategy", int], keras.optimizers.Optimizer]

    def make_optimizer(self, steps: int) -> keras.optimizers.Optimizer:
        """The optimiser for a run of this many steps."""
        return self.optimizer(self, steps)


def one_cycle_adamw(strategy: Strategy, steps: int) -> keras.optimizers.Optimizer:
    """AdamW under torch's one-cycle policy: the rate from peak / 25 up and down to that / 10,000, beta_1 0.95 - 0.85 - 0.95."""
    start = strategy.learning_rate / 25
    return CyclingAdamW(
        learning_rate=OneCycle(start, strategy.learning_rate, start / 1e4, steps),
        beta_1=OneCycle(0.95, 0.85, 0.95, steps),
        weight_decay=strategy.weight_decay,
    )


AUTOSOME = Strategy(
    name="autosome",
    epochs=80,
    batch_size=1024,
    learning_rate=0.005,
    weight_decay=0.01,
    reverse_complement=True,
    optimizer=one_cycle_adamw,
)
"""Team autosome's trainer, which the DREAM models use (Rafi et al. 2024; Penzar et al. 2023)."""

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in (AUTOSOME,)}
"""Every strategy, by name."""


def find_strategy(name: str) -> Strategy:
    """The strategy of this name.

    Raises:
        ModelError: There is none; the message lists those there are.
    """
    if name not in STRATEGIES:
        raise ModelError(f"Expected one of the strategies {', '.join(sorted(STRATEGIES))}, got {name!r}.")
    return STRATEGIES[name]
