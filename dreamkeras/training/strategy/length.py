"""Default numbers of epochs and of networks, and the number of steps that fit into a time limit. Does not import Keras."""

import bisect
from typing import NamedTuple

__all__ = ["Speed", "default_epochs", "default_size", "fitting_steps"]

SEEN = 100_000
"""Number of examples that a run sees in all its epochs, if the data have up to `ROWS` rows.

With more examples, positional-cnn-small overfits on libraries of about 10,000 sequences.
"""

ROWS = 10_000
"""Number of rows above which the number of seen examples grows with the square root of the number of rows."""

FEWEST_EPOCHS = 3
"""Smallest default number of epochs, unless a strategy has fewer."""

MOST_NETWORKS = 4
"""Default number of networks in an ensemble, if the data are small."""

MOST_EPOCHS = 80
"""Number of epochs of the strategies, which is the maximum of the default number."""

BASES = 120_000_000
"""Number of bases that all networks of a default ensemble read in training. Two CPUs take about 15 minutes for them."""

USED = 0.9
"""Fraction of a time limit for which a schedule is planned. The rest allows for steps that are slower than the measured ones."""


def default_epochs(rows: int, most: int) -> int:
    """Returns the default number of epochs.

    A network needs a number of steps that grows more slowly than the data. Small data are therefore seen more often than large data.

    Args:
        rows: Number of training sequences in an epoch, without their reverse complements.
        most: Number of epochs of the strategy, which is the maximum.

    Example:
        >>> [default_epochs(rows, 80) for rows in (1_000, 5_000, 10_000, 40_000, 1_000_000)]
        [80, 20, 10, 5, 3]
    """
    seen = SEEN * max(1.0, rows / ROWS) ** 0.5
    return min(most, max(FEWEST_EPOCHS, round(seen / rows)))


def default_size(rows: int, length: int) -> int:
    """Returns the default number of networks in an ensemble: 2, 3 or 4. Fewer networks are trained on large data.

    Args:
        rows: Number of training sequences.
        length: Length of the window in bases.

    Example:
        >>> [default_size(rows, 150) for rows in (1_000, 10_000, 30_000, 100_000)]
        [4, 4, 4, 2]
    """
    read = default_epochs(rows, MOST_EPOCHS) * rows * length
    return max(2, min(MOST_NETWORKS, BASES // read))


class Speed(NamedTuple):
    """Measured speed of a training run, in seconds.

    Args:
        startup: Additional time of the first step and the first prediction, in which the network is compiled.
        step: Time of an optimiser step.
        validation: Time to predict all validation sequences.
        spent: Time that the measurement took.
    """

    startup: float
    step: float
    validation: float
    spent: float = 0.0

    def seconds(self, steps: int, epoch_steps: int) -> float:
        """Returns the expected duration of a training with a number of steps, validated after each epoch of `epoch_steps` steps.

        Example:
            >>> Speed(startup=5.0, step=0.5, validation=2.0).seconds(steps=25, epoch_steps=10)
            23.5
        """
        return self.startup + steps * self.step + -(-steps // epoch_steps) * self.validation


def fitting_steps(speed: Speed, minutes: float, steps: int, epoch_steps: int) -> int:
    """Returns the largest number of steps whose expected duration fits into a time limit: at least 1 and at most `steps`.

    Args:
        speed: Measured speed.
        minutes: Time limit in minutes, from the start of the measurement. A tenth of this time is kept in reserve.
        steps: Number of steps of the run without a time limit.
        epoch_steps: Number of steps of a complete epoch.

    Example:
        >>> fitting_steps(Speed(startup=4.0, step=1.0, validation=10.0), minutes=1, steps=100, epoch_steps=20)
        30
    """
    limit = 60 * USED * minutes - speed.spent
    return max(1, bisect.bisect_right(range(1, steps + 1), limit, key=lambda number: speed.seconds(number, epoch_steps)))
