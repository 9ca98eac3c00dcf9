"""The position of an insert of both strands in its window: the beginning, on either strand, so that both are treated alike.

NumPy only; `layers.encoding` has the same inside the graph.
"""

import numpy as np

from dreamkeras.sequence.alphabet import is_unknown
from dreamkeras.sequence.construct import Construct

__all__ = ["is_packed", "leading_unknown", "left_packed", "unpacked"]


def is_packed(construct: Construct) -> bool:
    """Whether nothing surrounds an insert or tells its strand: its other strand then begins where it does, with padding behind it.

    Left where it is, the padding would precede the other strand, and a short sequence and its reverse complement would be
    predicted from different windows. Models of older versions have a flag, and stay as they are.
    """
    return construct.strands == "both" and construct.alignment == "left" and not (construct.flags or construct.has_surroundings)


def leading_unknown(letters: np.ndarray) -> np.ndarray:
    """int64 (n,): how many N each window, uint8 (n, length), begins with; 0 for one of nothing but N.

    Example:
        >>> leading_unknown(np.frombuffer(b"NNACGNTN", np.uint8).reshape(2, 4)).tolist()
        [2, 0]
    """
    return (~is_unknown(letters)).argmax(axis=1)


def left_packed(letters: np.ndarray) -> np.ndarray:
    """Windows, uint8 (n, length), with the N that they begin with behind their other letters.

    Example:
        >>> left_packed(np.frombuffer(b"NNACGNTN", np.uint8).reshape(2, 4)).tobytes()
        b'ACNNGNTN'
    """
    return _rolled(letters, leading_unknown(letters))


def unpacked(scores: np.ndarray, letters: np.ndarray, turned: bool) -> np.ndarray:
    """Scores (n, length, ...) of packed windows, or of those of the other strand, at the positions of their letters in the windows.

    `letters` are the windows, uint8 (n, length); `turned` says that the scores are those of the other strand.
    """
    return _rolled(scores, leading_unknown(letters[:, ::-1]) if turned else -leading_unknown(letters))


def _rolled(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Each row of values (n, length, ...) moved to the left, round and round."""
    columns = (np.arange(values.shape[1]) + by[:, None]) % values.shape[1]
    return values[np.arange(len(values))[:, None], columns]
