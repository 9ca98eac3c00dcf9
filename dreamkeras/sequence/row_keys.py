"""64-bit keys of rows of letters: the same for the same rows, and different for different ones but for an accident.

An accident has a probability of 1 in a million for all pairs of 6.7 million rows. Keys of one version are those of all machines.
"""

import numpy as np

__all__ = ["row_keys"]

WORD = 8


def row_keys(letters: np.ndarray, before: int = 0) -> np.ndarray:
    """uint64 (n,): a key of each row of uint8 (n, length): a mixture of 8 letters at a time, summed; upper and lower case differ.

    The numbers are splitmix64's (Steele, Lea and Flood 2014). `before` counts words that other arrays of the same rows take up, whose
    keys are then added to these.
    """
    count = -(-letters.shape[1] // WORD)
    padded = np.zeros((len(letters), count * WORD), np.uint8)
    padded[:, : letters.shape[1]] = letters
    words = padded.view("<u8")
    words += np.arange(before + 1, before + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        words ^= words >> np.uint64(shift)
        words *= np.uint64(factor)
    words ^= words >> np.uint64(31)
    return words.sum(axis=1, dtype=np.uint64)
