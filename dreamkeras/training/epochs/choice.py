"""Chooses the epoch that a run saves: the last one, unless its validation errors exceed those of the best epoch beyond noise.

With a small validation set, the epoch with the best metric is partly chosen by chance. The module does not import Keras.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.training.epochs.selection import Epoch, is_as_defined, is_defined

__all__ = ["NOISE", "Comparison", "Kept", "choose_epoch", "compare", "squared_errors"]

NOISE = 2.0
"""Number of standard errors up to which a difference between two epochs counts as noise."""


class Comparison(NamedTuple):
    """Difference between the validation errors of the last and of the best epoch, paired by example.

    Args:
        difference: Mean error of the last epoch minus mean error of the best epoch.
        standard_error: Standard error of the difference. Infinite for fewer than two examples.
    """

    difference: float
    standard_error: float

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the error of the last epoch is larger by more than `NOISE` standard errors."""
        return self.difference > NOISE * self.standard_error

    def __str__(self) -> str:
        """Formats the difference and the limit of noise."""
        return f"difference {self.difference:.3g}, {NOISE:g} standard errors {NOISE * self.standard_error:.3g}"


class Kept(NamedTuple):
    """Epoch whose weights are saved.

    Args:
        epoch: Number of the epoch, counted from 1.
        of: Number of epochs of the run.
        reason: Reason for the choice, as the end of a sentence.
    """

    epoch: int
    of: int
    reason: str

    def __str__(self) -> str:
        """Formats the choice and its reason as one sentence."""
        return f"Kept epoch {self.epoch} of {self.of}, {self.reason}."


def choose_epoch(keep: str, rows: Sequence[Epoch], best_epoch: int, completed: bool, comparison: Callable[[], Comparison]) -> Kept:
    """Chooses the epoch to save.

    Args:
        keep: `"best"` or `"last"` selects the best or the last epoch. `"auto"` selects the last epoch, unless its error is larger than the
            error of the best epoch by more than `NOISE` standard errors. `"auto"` also selects the best epoch if the schedule was not
            completed, or if a metric that is defined in the best epoch is undefined in the last epoch.
        rows: Rows of the history, one for each epoch.
        best_epoch: Number of the best epoch, counted from 1, as ranked by `training.epochs.selection`.
        completed: Whether all steps of the schedule were trained.
        comparison: Function that compares the two epochs. It is called only if the choice depends on it.
    """
    is_best, reason = _choose(keep, rows, best_epoch, completed, comparison)
    return Kept(best_epoch if is_best else len(rows), len(rows), reason)


def _choose(keep: str, rows: Sequence[Epoch], best_epoch: int, completed: bool, comparison: Callable[[], Comparison]) -> tuple[bool, str]:
    """Returns whether the best epoch is saved instead of the last one, and the reason."""
    if best_epoch == len(rows):
        return True, "the last epoch, which is also the best one" if is_defined(rows[-1]) else "the last epoch"
    if keep != "auto":
        return keep == "best", f"the {keep} epoch, as --keep {keep} requires"
    if not is_defined(rows[best_epoch - 1]):
        return False, "the last epoch, because no validation metric is defined"
    if not is_as_defined(rows[-1], rows[best_epoch - 1]):
        return True, "the best epoch, because a validation metric of the last epoch is undefined"
    if not completed:
        return True, "the best epoch, because the training ended before the end of its schedule"
    return _weigh(comparison(), best_epoch)


def _weigh(found: Comparison, best_epoch: int) -> tuple[bool, str]:
    """Returns the choice for a comparison of the last epoch with the best one."""
    if found.is_beyond_noise:
        return True, f"the best epoch, because the error of the last epoch is larger beyond noise ({found})"
    return False, f"the last epoch, because its error is not larger than the error of epoch {best_epoch} beyond noise ({found})"


def compare(last: np.ndarray, best: np.ndarray) -> Comparison:
    """Compares the errors of two epochs on the same examples.

    Args:
        last: float (n,), errors of the last epoch.
        best: float (n,), errors of the best epoch.

    Example:
        >>> compare(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]))
        Comparison(difference=1.0, standard_error=0.5773502691896258)
    """
    differences = np.asarray(last, np.float64) - np.asarray(best, np.float64)
    if len(differences) < 2:
        return Comparison(float(differences.sum()), np.inf)
    return Comparison(float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences))))


def squared_errors(targets: np.ndarray, predicted: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Computes the error of each example with at least one measured value, so that the mean over the examples is the relative error.

    The squared errors of a task are divided by the variance of its training values. Each task has the same share of the mean, even
    if it has fewer values. Tasks are excluded as in `selection.relative_error`.

    Args:
        targets: float (n, tasks), measured values. Missing values are NaN.
        predicted: float (n, tasks), predicted values.
        variances: float (tasks,), from `selection.target_variances`.

    Returns:
        float64 (examples,), in the order of the examples.

    Example:
        >>> squared_errors(np.array([[1.0], [np.nan], [4.0]]), np.array([[3.0], [0.0], [4.0]]), np.array([2.0]))
        array([2., 0.])
    """
    measured = ~np.isnan(targets)
    varying = measured.any(axis=0) & (variances > 0)
    used = varying if varying.any() else measured.any(axis=0)
    scale = np.where(varying, variances, 1.0)[used]
    measured = measured[:, used]
    rows = measured.any(axis=1)
    if not rows.any():
        return np.empty(0)
    errors = np.where(measured, predicted[:, used].astype(np.float64) - targets[:, used], 0.0) ** 2 / scale
    return (errors / measured.mean(axis=0)).mean(axis=1)[rows] * rows.mean()
