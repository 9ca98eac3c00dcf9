"""The letters of DNA: base order, one-hot rows, complements and legality, each a 256-row table indexed by ASCII code.

The base order stands here and nowhere else. Knows nothing about files or models.
"""

import numpy as np

__all__ = [
    "BASES",
    "BASE_CODES",
    "BASE_INDEX",
    "COMPLEMENT",
    "IS_BASE",
    "IS_GC",
    "IS_LETTER",
    "IUPAC",
    "LETTER_CODES",
    "NO_BASE",
    "ONE_HOT",
    "PLAIN",
    "N",
    "is_unknown",
    "letter_codes",
    "reverse_complement",
]

BASES = "ACGT"

BASE_CODES = np.frombuffer(BASES.encode(), np.uint8)
"""uint8 (4,): their ASCII codes, in upper case."""

N = np.uint8(ord("N"))
"""The code of a letter that is not known, and of padding."""

# The bases a code stands for (NC-IUB 1984). A code with k bases gives each of them 1/k; N gives zeros, as in the
# reference's training data, so that it means "nothing known" and also serves as padding.
IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T",
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "",
}  # fmt: skip


def letter_codes(text: str) -> np.ndarray:
    """uint8 (length,): the ASCII codes of a text of letters."""
    return np.frombuffer(text.encode("ascii"), np.uint8)


def _one_hot_table() -> np.ndarray:
    table = np.zeros((256, len(BASES)), np.float32)
    for code, bases in IUPAC.items():
        for base in bases:
            table[[ord(code), ord(code.lower())], BASES.index(base)] = 1 / len(bases)
    return table


ONE_HOT = _one_hot_table()
"""float32 (256, 4): one-hot row of each ASCII code, base order A, C, G, T."""

COMPLEMENT = np.frombuffer(bytes.maketrans(b"ACGTURYSWKMBDHVNacgturyswkmbdhvn", b"TGCAAYRSWMKVHDBNtgcaayrswmkvhdbn"), np.uint8)
"""uint8 (256,): the complementary letter, case kept; codes that are no letters map to themselves."""

PLAIN = np.frombuffer(bytes(range(256)).upper().replace(b"U", b"T"), np.uint8)
"""uint8 (256,): each letter in upper case, U as T; codes that are no letters map to themselves."""

IS_LETTER = np.isin(PLAIN, letter_codes("".join(IUPAC)))
"""bool (256,): whether the ASCII code is a base or an IUPAC code, in either case."""

LETTER_CODES = np.flatnonzero(IS_LETTER).astype(np.uint8).tobytes()
"""The codes of letters; `text.translate(None, LETTER_CODES)` keeps the illegal ones."""

IS_BASE = ONE_HOT.max(axis=1) == 1
"""bool (256,): whether the ASCII code is one base, in either case."""

NO_BASE = len(BASES)
"""The index of letters that are not one base."""

BASE_INDEX = np.where(IS_BASE, ONE_HOT.argmax(axis=1), NO_BASE).astype(np.uint8)
"""uint8 (256,): the place of each base in `BASES`, so that those of complements add up to 3; `NO_BASE` for anything else."""

IS_GC = IS_BASE & np.isin(PLAIN, [ord("C"), ord("G")])
"""bool (256,): whether the ASCII code is C or G, in either case."""

for _table in (ONE_HOT, IS_LETTER, IS_BASE, BASE_INDEX, IS_GC):
    _table.flags.writeable = False


def is_unknown(letters: np.ndarray) -> np.ndarray:
    """bool, the shape of uint8 letters: which are N, in either case."""
    return (letters | 0x20) == ord("n")


def reverse_complement(letters: np.ndarray) -> np.ndarray:
    """The other strand of letters, uint8 (..., length), read 5' to 3'; a new array.

    Example:
        >>> reverse_complement(letter_codes("AACGn")).tobytes()
        b'nCGTT'
    """
    return COMPLEMENT[letters[..., ::-1]]
