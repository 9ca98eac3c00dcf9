"""Compares the measured values of held-out rows with the values of all other rows.

For each task, seven statistics are compared: the mean, the mean squared distance from the mean, and the shares of values up to the 10 %,
25 %, 50 %, 75 % and 90 % quantiles of all values. A difference is expressed in standard errors of a random draw of the same size. With
nh held-out and nr other values, the standard error is s * sqrt(1 / nh + 1 / nr), where s is the standard deviation of the statistic's terms
over all values. For a draw without replacement, this formula is exact.
"""

from collections.abc import Iterator
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

__all__ = ["CHANCE", "NEGLIGIBLE", "Likeness"]

CHANCE = 0.01
"""Probability that a random draw differs by more than the limit, with Bonferroni's correction for the number of statistics.

The limit is 3.2 standard errors for one task and 3.4 for two tasks.
"""

NEGLIGIBLE = 0.05
"""Difference, in standard deviations, that is accepted in a hold-out of any size."""

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)

STATISTICS = ("mean", "spread", *(f"share below the {share:.0%} quantile" for share in QUANTILES))


class _Task(NamedTuple):
    """Values of a task, and moments of the terms of each statistic.

    Args:
        values: Standardised values, float64 (n,). Missing values are NaN.
        quantiles: Quantiles of the values, float64 (5,).
        measured: Number of values that are not missing.
        means: Mean of the terms of each statistic over all values, float64 (7,).
        sds: Standard deviation of the terms of each statistic over all values, float64 (7,).
    """

    values: np.ndarray
    quantiles: np.ndarray
    measured: int
    means: np.ndarray
    sds: np.ndarray


class Likeness:
    """Values with which hold-outs are compared.

    Args:
        targets: Measured values of all rows, float (n, tasks). Missing values are NaN.
        comparisons: Number of hold-outs whose largest difference is compared with the limit.
    """

    def __init__(self, targets: np.ndarray, comparisons: int = 1) -> None:
        self.tasks = [_task(column) for column in targets.T]
        tests = max(1, comparisons * len(self.tasks) * len(STATISTICS))
        self.limit = NormalDist().inv_cdf(1 - CHANCE / (2 * tests))

    def errors(self, held: np.ndarray) -> np.ndarray:
        """Returns the differences between held-out and other values in standard errors, float64 (tasks, 7).

        The differences of a task are infinite if all or none of its values are held out, unless the probability of such a draw is above
        `CHANCE`.
        """
        return self._compared(held)[0]

    def differences(self, held: np.ndarray) -> np.ndarray:
        """Returns the size of each difference relative to the accepted size, float64 (tasks, 7). Values up to 1 are accepted.

        A difference is accepted if it is at most `limit` standard errors or at most `NEGLIGIBLE` standard deviations.
        """
        errors, sds = self._compared(held)
        return np.minimum(np.abs(errors) / self.limit, np.abs(sds) / NEGLIGIBLE)

    def describe_worst(self, held: np.ndarray) -> tuple[int, str]:
        """Returns the task with the largest difference, and a clause that states the difference."""
        differences, errors = self.differences(held), np.abs(self.errors(held))
        task, statistic = np.unravel_index(np.argmax(differences), differences.shape)
        error = errors[task, statistic]
        if not np.isfinite(error):
            return int(task), "would have values in one set only"
        return int(task), f"would differ in its {STATISTICS[statistic]} by {error:.1f} standard errors (limit {self.limit:.1f})"

    def _compared(self, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the differences in standard errors and in standard deviations, two float64 arrays (tasks, 7)."""
        errors, sds = np.zeros((2, len(self.tasks), len(STATISTICS)))
        for number, task in enumerate(self.tasks):
            values = task.values[held]
            values = values[~np.isnan(values)]
            inside, outside = len(values), task.measured - len(values)
            if not inside or not outside:
                share = held.mean()
                errors[number] = sds[number] = np.inf if (share if inside else 1 - share) ** task.measured < CHANCE else 0
                continue
            means = np.array([terms.mean() for terms in _terms(values, task.quantiles)])
            varied = task.sds > 0
            # The mean of the other values follows from the mean of all values.
            apart = (means - task.means)[varied] * task.measured / outside
            sds[number, varied] = apart / task.sds[varied]
            errors[number, varied] = sds[number, varied] / np.sqrt(1 / inside + 1 / outside)
        return errors, sds


def _task(column: np.ndarray) -> _Task:
    values = column.astype(np.float64)
    known = values[~np.isnan(values)]
    if not len(known):
        nothing = np.zeros(len(STATISTICS))
        return _Task(values, np.zeros(len(QUANTILES)), 0, nothing, nothing)
    middle, scale = known.mean(), known.std() or 1.0
    values, known = (values - middle) / scale, (known - middle) / scale
    quantiles = np.quantile(known, QUANTILES, method="inverted_cdf")
    moments = [(terms.mean(), terms.std(ddof=1) if len(known) > 1 else 0.0) for terms in _terms(known, quantiles)]
    means, sds = np.array(moments).T
    return _Task(values, quantiles, len(known), means, np.where(sds > 1e-9, sds, 0))  # rounding errors of equal values are not a spread


def _terms(values: np.ndarray, quantiles: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the terms whose means are the statistics, one float64 array (n,) at a time."""
    yield values
    yield values * values
    for quantile in quantiles:
        yield (values <= quantile).astype(np.float64)
