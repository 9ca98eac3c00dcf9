"""Computes the number of sequences on which a network is compared and calibrated at the end of its training.

`dreamkeras export` and `dreamkeras calibrate` use `MOST` sequences for every network.
"""

__all__ = ["LEAST", "MOST", "sample_size"]

MOST = 1000
"""Number of sequences for small networks."""

LEAST = 200
"""Number of sequences for the largest networks.

If the export changes the predictions for 2 % of all sequences, 200 sequences contain such a sequence with a probability of 98 %. The
standard error of a percentile is at most 2.5 points.
"""

WORK = 1 << 36
"""Product of parameters, bases of a window and sequences above which the number of sequences is reduced.

A full-size network of the DREAM challenge computes this product in about 2 seconds of one CPU.
"""


def sample_size(parameters: int, length: int) -> int:
    """Returns the number of sequences for a network, between `LEAST` and `MOST`. The number is smaller for large networks.

    Args:
        parameters: Number of parameters of the network.
        length: Number of bases in a window.

    Example:
        >>> sample_size(111_014, 150), sample_size(1_933_970, 150), sample_size(4_568_581, 150)
        (1000, 236, 200)
    """
    return min(MOST, max(LEAST, WORK // (parameters * length)))
