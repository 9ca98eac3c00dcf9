"""Computes and counts k-mers, and computes minimisers, by which similar sequences are found. Canonical k-mers are equal for both strands.

All functions work on arrays, without a loop over sequences.
"""

import numpy as np

from dreamkeras.sequence.alphabet import BASE_INDEX, NO_BASE

__all__ = ["SEED", "canonical_kmers", "kmer_counts", "minimisers"]

SEED = 16
"""Number of bases in a minimiser. A code of 16 bases fills 32 bits."""

LETTERS = 1 << 20
"""Number of letters in which k-mers are counted at a time."""

NOTHING = np.uint32(0xFFFFFFFF)


def canonical_kmers(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the canonical k-mer at each column, which is the smaller of the codes of the k-mer and its reverse complement.

    A code has `2 * k` bits.

    Args:
        codes: Codes of the bases, from `alphabet.BASE_INDEX`, uint8 (n, length).
        k: Number of bases in a k-mer, from 1 to 16.

    Returns:
        Two arrays of shape (n, length - k + 1): the k-mers (uint8, uint16 or uint32), and whether each k-mer contains an unknown base
        (bool).

    Example:
        >>> from dreamkeras.sequence.alphabet import BASE_INDEX, letter_codes
        >>> canonical_kmers(BASE_INDEX[letter_codes("AACGTT")][None], 2)[0].tolist()
        [[0, 1, 6, 1, 0]]
    """
    forward, backward, unknown = _kmers(codes, k)
    return np.minimum(forward, backward), unknown


def kmer_counts(letters: np.ndarray, longest: int, both_strands: bool) -> np.ndarray:
    """Counts the k-mers of 1 to `longest` bases in each sequence, at all positions. K-mers with unknown bases are not counted.

    Args:
        letters: Sequences, ASCII, uint8 (n, length). The length is at most 65,535.
        longest: Number of bases in the longest k-mers, from 1 to 8.
        both_strands: Whether a k-mer and its reverse complement are counted as one.

    Returns:
        Counts, uint16 (n, features). The k-mers are sorted by their number of bases, and then in alphabetical order.

    Example:
        >>> from dreamkeras.sequence.alphabet import letter_codes
        >>> kmer_counts(letter_codes("AACGTT")[None], 1, both_strands=True).tolist()
        [[4, 2]]
    """
    kept = [_kinds(k, both_strands) for k in range(1, longest + 1)]
    counts = np.zeros((len(letters), sum(map(len, kept))), np.uint16)
    at_once = max(1, LETTERS // max(letters.shape[1], 4**longest))
    for start in range(0, len(letters), at_once):
        codes, first = BASE_INDEX[letters[start : start + at_once]], 0
        for k, kinds in enumerate(kept, start=1):
            counts[start : start + at_once, first : first + len(kinds)] = _count(codes, k, both_strands)[:, kinds]
            first += len(kinds)
    return counts


def _count(codes: np.ndarray, k: int, both_strands: bool) -> np.ndarray:
    """Counts the k-mers of one length in each row, int (n, 4**k)."""
    if codes.shape[1] < k:
        return np.zeros((len(codes), 4**k), int)
    forward, backward, unknown = _kmers(codes, k)
    cells = (np.minimum(forward, backward) if both_strands else forward).astype(np.int64)
    cells += np.arange(len(codes))[:, None] * 4**k
    return np.bincount(cells[~unknown], minlength=len(codes) * 4**k).reshape(len(codes), 4**k)


def _kinds(k: int, both_strands: bool) -> np.ndarray:
    """Returns the codes of all k-mers, or of all canonical k-mers, in ascending order."""
    if not both_strands:
        return np.arange(4**k)
    codes = np.array(np.unravel_index(np.arange(4**k), (4,) * k), np.uint8).T
    return np.unique(canonical_kmers(codes, k)[0])


def _kmers(codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the code of the k-mer at each column, the code of its reverse complement, and whether it contains an unknown base."""
    unknown = codes == NO_BASE
    forward = codes & 3
    backward = 3 - forward
    size = 1
    while size < k:  # k-mers of up to twice the size are joined from the k-mers at two columns, which may overlap
        step = min(size, k - size)
        wide = np.dtype(np.uint8 if size + step <= 4 else np.uint16 if size + step <= 8 else np.uint32)
        last, shift = (1 << 2 * step) - 1, 2 * (size - step)
        forward = forward[:, :-step].astype(wide) << 2 * step | forward[:, step:] & forward.dtype.type(last)
        backward = (backward[:, step:] >> shift).astype(wide) << 2 * size | backward[:, :-step]
        unknown = unknown[:, :-step] | unknown[:, step:]
        size += step
    return forward, backward, unknown


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
