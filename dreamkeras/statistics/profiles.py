"""Computes metrics that compare predicted profiles with the positions at which reads begin.

The metrics do not depend on a predicted number of reads.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError

__all__ = ["jensen_shannon", "multinomial_nll", "profile_figures", "shuffled_distance"]


def jensen_shannon(measured: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Computes the Jensen-Shannon distance between measured and predicted profiles.

    The distance is the square root of the divergence with natural logarithms. The distance is 0 between equal profiles, and sqrt(ln 2) =
    0.833 between profiles without common positions.

    Args:
        measured: Counts of reads (n, positions).
        predicted: Probabilities (n, positions), not necessarily normalised.

    Returns:
        Distance for each row, float64 (n,). The distance is NaN for rows without reads, and for rows with a probability of 0 at all
        positions.

    Raises:
        InputError: The shapes differ, or a value is negative or not finite.

    Example:
        >>> jensen_shannon([[1, 3, 0], [5, 0, 0]], [[0.25, 0.75, 0], [0, 0.5, 0.5]]).round(3).tolist()
        [0.0, 0.833]
    """
    one, other = (_shares(rows) for rows in _rows(measured, predicted))
    middle = (one + other) / 2
    divergence = (_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2
    return np.sqrt(np.maximum(divergence, 0))


def shuffled_distance(measured: ArrayLike, seed: int = 0) -> np.ndarray:
    """Computes the Jensen-Shannon distance between each row and the same row with shuffled positions, a baseline that ChromBPNet also uses.

    Args:
        measured: Counts of reads (n, positions).
        seed: Random seed for the shuffles, at least 0.

    Returns:
        Distance for each row, float64 (n,). The distance is NaN for rows without reads.

    Raises:
        InputError: The array does not have two dimensions, or a value is negative or not finite.

    Example:
        >>> shuffled_distance([[2, 2, 2], [0, 0, 0]]).tolist()
        [0.0, nan]
    """
    rows = np.asarray(measured, np.float64)
    return jensen_shannon(rows, np.random.default_rng(seed).permuted(rows, axis=-1))


def multinomial_nll(measured: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Computes the negative log-likelihood of the reads of each row under the predicted profile, given the number of reads.

    Args:
        measured: Counts of reads (n, positions), not necessarily integers.
        predicted: Probabilities (n, positions), not necessarily normalised.

    Returns:
        Negative log-likelihood in nats, including the multinomial coefficient, float64 (n,). The value is infinite for rows with reads at
        positions of probability 0, and NaN for rows with a probability of 0 at all positions.

    Raises:
        InputError: The shapes differ, or a value is negative or not finite.

    Example:
        >>> multinomial_nll([[1, 1]], [[0.5, 0.5]]).round(3).tolist()
        [0.693]
    """
    reads, probabilities = _rows(measured, predicted)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(reads > 0, np.log(_shares(probabilities)), 0)
        likelihood = (np.where(reads > 0, reads, 1) * logs).sum(axis=1)
    empty = ~(probabilities > 0).any(axis=1)
    return np.where(empty, np.nan, _log_factorials(reads).sum(axis=1) - _log_factorials(reads.sum(axis=1)) - likelihood)


def profile_figures(measured: ArrayLike, predicted: ArrayLike, seed: int = 0) -> dict[str, float]:
    """Computes all metrics of profiles. Each metric is a median over the rows with reads, and NaN if no row has reads.

    Args:
        measured: Counts of reads (n, positions).
        predicted: Probabilities (n, positions), not necessarily normalised.
        seed: Random seed for the shuffles, at least 0.

    Returns:
        Metrics by name:

        - `"profile_jsd"`: Jensen-Shannon distance between measured and predicted profiles.
        - `"profile_jsd_shuffled"`: Jensen-Shannon distance between measured profiles and the same profiles with shuffled positions.
        - `"profile_jsd_average"`: Jensen-Shannon distance between measured profiles and the average measured profile, a baseline that
          ignores the sequence.
        - `"profile_nll"`: multinomial negative log-likelihood.
        - `"n"`: number of rows with reads.

    Raises:
        InputError: The shapes differ, or a value is negative or not finite.
    """
    reads, probabilities = _rows(measured, predicted)
    seen = reads.sum(axis=1) > 0
    reads, probabilities = reads[seen], probabilities[seen]
    average = np.broadcast_to(_shares(reads).mean(axis=0), reads.shape) if len(reads) else reads
    figures = {
        "profile_jsd": jensen_shannon(reads, probabilities),
        "profile_jsd_shuffled": shuffled_distance(reads, seed),
        "profile_jsd_average": jensen_shannon(reads, average),
        "profile_nll": multinomial_nll(reads, probabilities),
    }
    medians = {name: float(np.median(values)) if len(values) else math.nan for name, values in figures.items()}
    return {**medians, "n": float(len(reads))}


def _rows(measured: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.shape != predicted.shape or measured.ndim != 2:
        raise InputError(f"Expected two arrays of the same shape, (n, positions), got {measured.shape} and {predicted.shape}.")
    for name, values in (("measured", measured), ("predicted", predicted)):
        if not ((values >= 0) & np.isfinite(values)).all():
            raise InputError(f"Expected {name} profiles with finite values of at least 0. Apply softmax to logits first.")
    return measured, predicted


def _shares(rows: np.ndarray) -> np.ndarray:
    """Normalises rows to a sum of 1. Rows with a sum of 0 become NaN."""
    with np.errstate(invalid="ignore"):
        return rows / rows.sum(axis=1, keepdims=True)


def _relative_entropy(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the sum of one * ln(one / other) over each row, float64 (n,). A term is 0 if `one` is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = one * np.log(one / other)
    return np.where(one == 0, 0, terms).sum(axis=1)


def _log_factorials(values: np.ndarray) -> np.ndarray:
    """Returns ln(x!) for each value x. The gamma function is evaluated once for each distinct value."""
    different, which = np.unique(values, return_inverse=True)
    return np.array([math.lgamma(1 + value) for value in different.tolist()])[which].reshape(values.shape)
