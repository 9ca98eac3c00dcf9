"""How well predicted profiles match the positions where reads begin, independent of their number; in float64, numpy only."""

import math

import numpy as np
from numpy.typing import ArrayLike

from dreamkeras.errors import InputError

__all__ = ["jensen_shannon", "multinomial_nll", "profile_figures", "shuffled_distance"]


def jensen_shannon(measured: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """The Jensen-Shannon distance of each row's two profiles: 0 where they are alike, sqrt(ln 2) = 0.833 where they share no position.

    Args:
        measured: Reads (n, positions), 0 or more.
        predicted: Probabilities (n, positions), or anything in proportion to them.

    Returns:
        float64 (n,), the square root of the divergence with natural logarithms; NaN for rows without reads or predictions.

    Raises:
        InputError: The shapes differ, or a number is negative or not finite.

    Example:
        >>> jensen_shannon([[1, 3, 0], [5, 0, 0]], [[0.25, 0.75, 0], [0, 0.5, 0.5]]).round(3).tolist()
        [0.0, 0.833]
    """
    one, other = (_shares(rows) for rows in _rows(measured, predicted))
    middle = (one + other) / 2
    divergence = (_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2
    return np.sqrt(np.maximum(divergence, 0))


def shuffled_distance(measured: ArrayLike, seed: int = 0) -> np.ndarray:
    """The Jensen-Shannon distance of each row's reads from themselves at shuffled positions: what chance gives, as in ChromBPNet.

    Args:
        measured: Reads (n, positions), 0 or more.
        seed: Of the shuffles; 0 or more.

    Returns:
        float64 (n,); NaN for rows without reads.

    Raises:
        InputError: The shape is another, or a number is negative or not finite.

    Example:
        >>> shuffled_distance([[2, 2, 2], [0, 0, 0]]).tolist()
        [0.0, nan]
    """
    rows = np.asarray(measured, np.float64)
    return jensen_shannon(rows, np.random.default_rng(seed).permuted(rows, axis=-1))


def multinomial_nll(measured: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Minus the log-probability of each row's reads, given their number, under the predicted profile.

    Args:
        measured: Reads (n, positions), 0 or more; they need not be whole.
        predicted: Probabilities (n, positions), or anything in proportion to them.

    Returns:
        float64 (n,), in nats, the multinomial coefficient included; infinite where reads are where none can be, NaN for rows whose
        prediction is 0 everywhere.

    Raises:
        InputError: The shapes differ, or a number is negative or not finite.

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
    """The figures by which profiles are compared, each a median over the rows that have reads.

    Args:
        measured: Reads (n, positions), 0 or more.
        predicted: Probabilities (n, positions), or anything in proportion to them.
        seed: Of the shuffles; 0 or more.

    Returns:
        Under `"profile_jsd"` the Jensen-Shannon distance, under `"profile_jsd_shuffled"` that of the reads at shuffled positions, under
        `"profile_jsd_average"` that of the profile of all rows together, which one who ignores the sequence could give, under
        `"profile_nll"` the multinomial negative log-likelihood; NaN where no row has reads. And `"n"`, the number of rows with reads.

    Raises:
        InputError: The shapes differ, or a number is negative or not finite.
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
        raise InputError(f"Expected two arrays of one shape, (n, positions), got {measured.shape} and {predicted.shape}.")
    for name, values in (("measured", measured), ("predicted", predicted)):
        if not ((values >= 0) & np.isfinite(values)).all():
            raise InputError(f"Expected {name} profiles of numbers of 0 or more, got others: for logits, give their softmax.")
    return measured, predicted


def _shares(rows: np.ndarray) -> np.ndarray:
    """Rows that sum to 1; NaN for those that sum to 0."""
    with np.errstate(invalid="ignore"):
        return rows / rows.sum(axis=1, keepdims=True)


def _relative_entropy(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 (n,): sum of one * ln(one / other), where 0 * ln 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = one * np.log(one / other)
    return np.where(one == 0, 0, terms).sum(axis=1)


def _log_factorials(values: np.ndarray) -> np.ndarray:
    """ln(x!) of each number, through the few different ones there are; of fractions by the gamma function."""
    different, which = np.unique(values, return_inverse=True)
    return np.array([math.lgamma(1 + value) for value in different.tolist()])[which].reshape(values.shape)
