"""Searches batches of sequences for patterns of IUPAC codes on both strands."""

from collections.abc import Iterable

import numpy as np

from dreamkeras.sequence.alphabet import BASES, IUPAC, letter_codes, reverse_complement

__all__ = ["FILLING", "both_strands", "has_site", "occurs_in"]

FILLING = np.uint8(0)
"""Value that fills a row after the last letter of its sequence. No pattern matches this value."""

_NO_BASE = 1 << len(BASES)


def _base_sets() -> np.ndarray:
    """Returns the bases that each ASCII code represents, as bits, uint8 (256,). N has all four bits.

    A fifth bit marks codes that are not valid letters.
    """
    sets = np.full(256, _NO_BASE, np.uint8)
    for code, bases in IUPAC.items():
        sets[[ord(code), ord(code.lower())]] = sum(1 << BASES.index(base) for base in bases or BASES)
    return sets


_SETS = _base_sets()


def both_strands(patterns: Iterable[str]) -> list[str]:
    """Returns the patterns and their reverse complements, without duplicates.

    Example:
        >>> both_strands(["GAATTC", "GGTCTC"])
        ['GAATTC', 'GGTCTC', 'GAGACC']
    """
    codes = map(letter_codes, patterns)
    return list(dict.fromkeys(text.tobytes().decode("ascii") for code in codes for text in (code, reverse_complement(code))))


def has_site(letters: np.ndarray, patterns: Iterable[str], first: int, stops: np.ndarray) -> np.ndarray:
    """Returns, for each row, whether one of the patterns occurs at a position that overlaps the insert.

    An IUPAC code in a row matches a position of a pattern only if the pattern allows all bases that the code represents.

    Args:
        letters: Sequences, one per row, filled at the end with `FILLING`, uint8 (n, width).
        patterns: Patterns of IUPAC codes to search for on the given strand.
        first: First column of the inserts.
        stops: Column after the last column of each insert, int64 (n,).

    Returns:
        Whether each row has a match, bool (n,).

    Example:
        >>> row = np.frombuffer(b"AAGAATTCAA", np.uint8)[None]
        >>> has_site(row, ["GAATTC"], 7, np.array([9])).tolist(), has_site(row, ["GAATTC"], 8, np.array([9])).tolist()
        ([True], [False])
    """
    sets = _SETS[letters]
    found = np.zeros(len(letters), bool)
    for pattern in patterns:
        begin = max(0, first - len(pattern) + 1)
        columns = np.arange(begin, letters.shape[1] - len(pattern) + 1)
        shows = columns < stops[:, None]
        for step, code in enumerate(pattern):
            others = np.uint8(0xFF & ~int(_SETS[ord(code)]))
            shows &= (sets[:, begin + step : begin + step + len(columns)] & others) == 0
        found |= shows.any(axis=1)
    return found


def occurs_in(pattern: str, text: str) -> bool:
    """Returns whether a pattern occurs on either strand of `text`.

    An IUPAC code in `text` matches only if the pattern allows all bases that the code represents.

    Example:
        >>> occurs_in("TGASTCA", "ATGACTCAT"), occurs_in("TGACTCA", "TGASTCA")
        (True, False)
    """
    return bool(has_site(letter_codes(text)[None], both_strands([pattern]), 0, np.array([len(text)]))[0])
