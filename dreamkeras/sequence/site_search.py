"""Patterns of IUPAC codes in letter arrays, on either strand; whole batches at once."""

from collections.abc import Iterable

import numpy as np

from dreamkeras.sequence.alphabet import BASES, IUPAC, letter_codes, reverse_complement

__all__ = ["FILLING", "both_strands", "has_site", "occurs_in"]

FILLING = np.uint8(0)
"""Fills a row behind its last letter; no pattern matches it."""

_NO_BASE = 1 << len(BASES)


def _base_sets() -> np.ndarray:
    """uint8 (256,): the bases that each code stands for, a bit each; N is all four, and a fifth bit marks codes that are no letters."""
    sets = np.full(256, _NO_BASE, np.uint8)
    for code, bases in IUPAC.items():
        sets[[ord(code), ord(code.lower())]] = sum(1 << BASES.index(base) for base in bases or BASES)
    return sets


_SETS = _base_sets()


def both_strands(patterns: Iterable[str]) -> list[str]:
    """The patterns and their reverse complements, each once.

    Example:
        >>> both_strands(["GAATTC", "GGTCTC"])
        ['GAATTC', 'GGTCTC', 'GAGACC']
    """
    codes = map(letter_codes, patterns)
    return list(dict.fromkeys(text.tobytes().decode("ascii") for code in codes for text in (code, reverse_complement(code))))


def has_site(letters: np.ndarray, patterns: Iterable[str], first: int, stops: np.ndarray) -> np.ndarray:
    """Whether one of some patterns is in each row, at least one of its letters within the row's insert.

    A letter that stands for several bases matches where the pattern allows all of them.

    Args:
        letters: uint8 (n, width), letters and, behind them, `FILLING`.
        patterns: IUPAC codes, as read on the strand given.
        first: The column where the inserts begin.
        stops: int64 (n,), the column behind each insert's last.

    Returns:
        bool (n,).

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
    """Whether each sequence that `text` stands for shows the pattern, on one of its strands, at the same place.

    Example:
        >>> occurs_in("TGASTCA", "ATGACTCAT"), occurs_in("TGACTCA", "TGASTCA")
        (True, False)
    """
    return bool(has_site(letter_codes(text)[None], both_strands([pattern]), 0, np.array([len(text)]))[0])
