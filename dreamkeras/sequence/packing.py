"""Left-packs windows: moves the padding before an insert to the end of the window, so that every insert begins in the first column.

This module implements left-packing in NumPy. `layers.encoding` implements left-packing inside a network.
"""

import numpy as np

from dreamkeras.sequence.alphabet import is_unknown
from dreamkeras.sequence.construct import Construct

__all__ = ["is_packed", "leading_unknown", "left_packed", "unpacked"]


def is_packed(construct: Construct) -> bool:
    """Returns whether the windows of a construct are left-packed.

    Windows are left-packed if the construct uses both strands, is aligned left, and has no flags, adapters or flanks.

    Without left-packing, padding would follow an insert but precede its reverse complement, so that a short sequence and its reverse
    complement would have different predictions. Constructs of models that were trained with older versions of dreamkeras have a flag,
    so their windows are not left-packed.
    """
    return construct.strands == "both" and construct.alignment == "left" and not (construct.flags or construct.has_surroundings)


def leading_unknown(letters: np.ndarray) -> np.ndarray:
    """Returns the number of leading N of each window, int64 (n,). The number is 0 for a window of N only.

    Args:
        letters: Windows, uint8 (n, length).

    Example:
        >>> leading_unknown(np.frombuffer(b"NNACGNTN", np.uint8).reshape(2, 4)).tolist()
        [2, 0]
    """
    return (~is_unknown(letters)).argmax(axis=1)


def left_packed(letters: np.ndarray) -> np.ndarray:
    """Moves the leading N of windows, uint8 (n, length), to the end.

    Example:
        >>> left_packed(np.frombuffer(b"NNACGNTN", np.uint8).reshape(2, 4)).tobytes()
        b'ACNNGNTN'
    """
    return _rolled(letters, leading_unknown(letters))


def unpacked(scores: np.ndarray, letters: np.ndarray, turned: bool) -> np.ndarray:
    """Moves scores of left-packed windows back to the positions of the original windows.

    Args:
        scores: Scores of left-packed windows, (n, length, ...).
        letters: Original windows, uint8 (n, length).
        turned: Whether the scores are for the reverse complements of the windows.
    """
    return _rolled(scores, leading_unknown(letters[:, ::-1]) if turned else -leading_unknown(letters))


def _rolled(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Rotates row i of `values` (n, length, ...) to the left by `by[i]` columns."""
    columns = (np.arange(values.shape[1]) + by[:, None]) % values.shape[1]
    return values[np.arange(len(values))[:, None], columns]
