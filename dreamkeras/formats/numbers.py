"""Numbers as text: how many digits outputs have.

Six significant digits are about what float32 arithmetic gives alike on every machine and backend, so that outputs can be compared.
Values from 100 on have four decimals, or the nine digits of float32, since what matters may be small beside a large mean.
"""

import numpy as np

__all__ = ["format_numbers"]

LARGE = 99.9999
"""From here on six significant digits would leave less than four decimals."""


def format_numbers(column: np.ndarray) -> list[str]:
    """Numbers (n,) as text.

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
