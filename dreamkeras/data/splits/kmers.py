"""k-mers of letters, the same from both strands, and the few of them that similar sequences are found by.

Array code only: no loop over sequences.
"""

import numpy as np

from dreamkeras.sequence.alphabet import NO_BASE

__all__ = ["SEED", "canonical_kmers", "minimisers"]

SEED = 16
"""Letters of a minimiser: as many as fill 32 bits."""

NOTHING = np.uint32(0xFFFFFFFF)


def canonical_kmers(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k-mer at each column as a number of 2 k bits, of the two strands' the smaller.

    Args:
        codes: uint8 (n, length), from `alphabet.BASE_INDEX`.
        k: 1, 2, 4, 8 or 16.

    Returns:
        uint8, uint16 or uint32 (n, length - k + 1), the k-mers; bool of the same shape, whether one holds an unknown letter.

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
    """Of each stretch of so many known letters the 16-mer whose scrambled number is least (Roberts et al. 2004).

    Sequences that have such a stretch in common, on whichever strand and wherever it stands, have its minimiser in
    common. With 26 letters, about one in six 16-mers is one.

    Args:
        codes: uint8 (n, length), unknown outside the inserts.
        starts: int (n,), column of each insert's first letter.
        stops: int (n,), column behind its last.
        stretch: 16 or more.

    Returns:
        int64 (m,), the row of each minimiser; uint32 (m,), its scrambled number.
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
    # A stretch lies within the insert; one that is shorter than a stretch counts as one.
    kept = (columns >= starts[:, None]) & (columns <= np.maximum(starts, stops - stretch)[:, None]) & (least != NOTHING)
    kept[:, 1:] &= (least[:, 1:] != least[:, :-1]) | (columns[1:] == starts[:, None])
    return np.nonzero(kept)[0], least[kept]


def _scrambled(kmers: np.ndarray) -> np.ndarray:
    """uint32: other numbers for other k-mers, in no order, so that runs of one letter are not preferred."""
    mixed = (kmers ^ np.uint32(0x9E3779B9)) * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed
