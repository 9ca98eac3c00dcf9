"""Weights of examples: saturating weights from counts, and the effective number of weighted examples. Knows nothing about tables."""

import numpy as np

__all__ = ["default_half", "effective_number", "saturated"]

HALF_QUANTILE = 0.5
"""Quantile of the weights that is the default of c, the weight at which an example has half of the maximum weight. 0.5 is the median."""


def default_half(weights: np.ndarray) -> float:
    """Returns the default of c for `saturated`, the quantile `HALF_QUANTILE` of weights (n,) above 0.

    Example:
        >>> default_half(np.array([1, 10, 1000]))
        10.0
    """
    return float(np.quantile(weights.astype(np.float64), HALF_QUANTILE))


def saturated(weights: np.ndarray, half: float) -> np.ndarray:
    """Returns w / (w + half) for weights (n,) above 0, float32 (n,).

    Weights such as numbers of reads or barcodes reduce the noise of counting, but other noise remains. If an example has a variance of
    a + b / w, its inverse variance is proportional to w / (w + b / a).

    Args:
        weights: Weights above 0, (n,).
        half: The weight at which an example has half of the maximum weight.

    Example:
        >>> saturated(np.array([1, 10, 1000]), 10).round(2).tolist()
        [0.09..., 0.5, 0.99...]
    """
    wide = weights.astype(np.float64)
    return np.maximum(wide / (wide + half), np.finfo(np.float32).tiny).astype(np.float32)  # no weight is rounded to 0


def effective_number(weights: np.ndarray) -> float:
    """Returns the effective number of examples with weights (n,), which is the square of their sum divided by the sum of their squares.

    An unweighted mean of this number of examples varies as much as the weighted mean of all examples.

    Example:
        >>> effective_number(np.array([1, 1, 1])), effective_number(np.array([1000, 1, 1])).__round__(2)
        (3.0, 1.0)
    """
    wide = weights.astype(np.float64)
    wide /= wide.max()  # the squares of large weights would exceed the range of numbers
    return float(wide.sum() ** 2 / np.square(wide).sum())
