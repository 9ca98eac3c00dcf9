"""Computes a 64-bit hash key for each row of letters. Equal rows have equal keys, and different rows almost always have different keys.

The probability that two of 6.7 million different rows have the same key is about 1 in a million. Equal rows have equal keys on all
machines.
"""

import numpy as np

__all__ = ["row_keys"]

WORD = 8


def row_keys(letters: np.ndarray, before: int = 0) -> np.ndarray:
    """Returns a key for each row of letters, uint64 (n,). Keys are case-sensitive.

    A row is divided into groups of 8 letters, and the key is the sum of the hashes of the groups. The hash function is splitmix64 (Steele,
    Lea and Flood 2014).

    Args:
        letters: Rows of letters, uint8 (n, length).
        before: Number of groups of 8 letters in earlier parts of the rows. If rows are divided into several arrays, the keys of
            the parts are added to obtain one key per row.
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
