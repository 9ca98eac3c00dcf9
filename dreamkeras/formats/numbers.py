"""Formats numbers as text for output files.

Numbers have six significant digits, because about six digits of float32 results agree across machines and backends. Values of 100 or
more have four decimals, because small differences between large values can matter, and never more than nine significant digits.
"""

import numpy as np

__all__ = ["format_numbers"]

LARGE = 99.9999
"""Limit above which six significant digits would include fewer than four decimals."""


def format_numbers(column: np.ndarray) -> list[str]:
    """Formats n numbers as text.

    Example:
        >>> format_numbers(np.float32([1 / 3, 1234567.9, np.nan]))
        ['0.333333', '1234567.88', 'nan']
    """
    if (np.abs(column) >= LARGE).any():
        with np.errstate(divide="ignore"):
            before_point = np.floor(np.log10(np.where(np.isfinite(column), np.abs(column), 0).astype(np.float64))) + 1
        forms = "".join(f"%.{digits:.0f}g\n" for digits in np.clip(before_point + 4, 6, 9))
    else:
        forms = "%.6g\n" * len(column)
    return (forms % tuple(column.tolist())).split("\n")[:-1]
