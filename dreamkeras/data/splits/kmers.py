"""Computes canonical k-mers, which are equal for both strands, and minimisers, by which similar sequences are found.

All functions work on arrays, without a loop over sequences.
"""

import numpy as np

from dreamkeras.sequence.alphabet import NO_BASE

__all__ = ["SEED", "canonical_kmers", "minimisers"]

SEED = 16
"""Number of bases in a minimiser. A code of 16 bases fills 32 bits."""

NOTHING = np.uint32(0xFFFFFFFF)


def canonical_kmers(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the canonical k-mer at each column, which is the smaller of the codes of the k-mer and its reverse complement.

    A code has `2 * k` bits.

    Args:
        codes: Codes of the bases, from `alphabet.BASE_INDEX`, uint8 (n, length).
        k: Number of bases in a k-mer: 1, 2, 4, 8 or 16.

    Returns:
        Two arrays of shape (n, length - k + 1): the k-mers (uint8, uint16 or uint32), and whether each k-mer contains an unknown base
        (bool).

    Example:
        >>> from dreamkeras.sequence.alphabet import BASE_INDEX, letter_codes
        >>> canonical_kmers(BASE_INDEX[letter_codes("AACGTT")][None], 2)[0].tolist()
        [[0, 1, 6, 1, 0]]
    """
    unknown = codes == NO_BASE
    forward = codes & 3
    backward = 3 - forward
    size = 1
    while size < k:
        wide, shift = np.dtype(f"u{max(1, size // 2)}"), 2 * size
        forward = forward[:, :-size].astype(wide) << shift | forward[:, size:]
        backward = backward[:, size:].astype(wide) << shift | backward[:, :-size]
        unknown = unknown[:, :-size] | unknown[:, size:]
        size *= 2
    return np.minimum(forward, backward), unknown


def minimisers(codes: np.ndarray, starts: np.ndarray, stops: np.ndarray, stretch: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the minimiser of each stretch of `stretch` bases: the 16-mer with the smallest hash (Roberts et al. 2004).

    Two sequences that share a stretch of `stretch` bases, on any strand and at any position, also share its minimiser. With stretches of
    26 bases, about one in six 16-mers is a minimiser.

    Args:
        codes: Codes of the bases, uint8 (n, length). Bases outside the inserts have the code `NO_BASE`.
        starts: Column of the first base of each insert, int (n,).
        stops: Column after the last base of each insert, int (n,).
        stretch: Number of bases in a stretch, 16 or more.

    Returns:
        Two arrays: the row of each minimiser, int64 (m,), and the hash of each minimiser, uint32 (m,).
    """
    missing = stretch - codes.shape[1]
    if missing > 0:
        codes = np.pad(codes, ((0, 0), (0, missing)), constant_values=NO_BASE)
    kmers, unknown = canonical_kmers(codes, SEED)
    least = _scrambled(kmers)
    least[unknown] = NOTHING
    covered, window = 1, stretch - SEED + 1
    while covered < window:
        step = min(covered, window - covered)
        least = np.minimum(least[:, :-step], least[:, step:])
        covered += step
    columns = np.arange(least.shape[1], dtype=np.int32)
    # Every stretch lies within an insert. An insert that is shorter than a stretch counts as a single stretch.
    kept = (columns >= starts[:, None]) & (columns <= np.maximum(starts, stops - stretch)[:, None]) & (least != NOTHING)
    kept[:, 1:] &= (least[:, 1:] != least[:, :-1]) | (columns[1:] == starts[:, None])
    return np.nonzero(kept)[0], least[kept]


def _scrambled(kmers: np.ndarray) -> np.ndarray:
    """Returns a uint32 hash of each k-mer. Distinct k-mers have distinct hashes.

    Without hashing, poly-A would be the most frequent minimiser, because its code is 0.
    """
    mixed = (kmers ^ np.uint32(0x9E3779B9)) * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed
