"""Defines the DNA alphabet: lookup tables for one-hot encoding, complements and valid letters, indexed by ASCII code.

The base order is defined in this module only.
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
"""ASCII codes of the bases, in upper case, uint8 (4,)."""

N = np.uint8(ord("N"))
"""ASCII code of an unknown base, which is also used for padding."""

# Bases of each IUPAC code (NC-IUB 1984). The one-hot encoding of a code that represents k bases has the value 1/k for each of these bases.
# N is encoded as zeros, as in the training data of the reference implementation, so that N can also be used for padding.
IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T",
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "",
}  # fmt: skip


def letter_codes(text: str) -> np.ndarray:
    """Returns the ASCII codes of a text, uint8 (length,)."""
    return np.frombuffer(text.encode("ascii"), np.uint8)


def _one_hot_table() -> np.ndarray:
    table = np.zeros((256, len(BASES)), np.float32)
    for code, bases in IUPAC.items():
        for base in bases:
            table[[ord(code), ord(code.lower())], BASES.index(base)] = 1 / len(bases)
    return table


ONE_HOT = _one_hot_table()
"""One-hot encoding of each ASCII code, float32 (256, 4). The columns are A, C, G and T."""

COMPLEMENT = np.frombuffer(bytes.maketrans(b"ACGTURYSWKMBDHVNacgturyswkmbdhvn", b"TGCAAYRSWMKVHDBNtgcaayrswmkvhdbn"), np.uint8)
"""Complement of each ASCII code, uint8 (256,). The complement has the same case as the letter.

Codes that are not DNA letters map to themselves.
"""

PLAIN = np.frombuffer(bytes(range(256)).upper().replace(b"U", b"T"), np.uint8)
"""Upper case of each ASCII code, with T in place of U, uint8 (256,). Codes that are not letters map to themselves."""

IS_LETTER = np.isin(PLAIN, letter_codes("".join(IUPAC)))
"""Whether each ASCII code is a base or an IUPAC code, in upper or lower case, bool (256,)."""

LETTER_CODES = np.flatnonzero(IS_LETTER).astype(np.uint8).tobytes()
"""ASCII codes of all valid letters. `text.translate(None, LETTER_CODES)` returns the invalid characters of a text."""

IS_BASE = ONE_HOT.max(axis=1) == 1
"""Whether each ASCII code is a known base, in upper or lower case, bool (256,)."""

NO_BASE = len(BASES)
"""Value of `BASE_INDEX` for ASCII codes that are not a known base."""

BASE_INDEX = np.where(IS_BASE, ONE_HOT.argmax(axis=1), NO_BASE).astype(np.uint8)
"""Index in `BASES` of each ASCII code, or `NO_BASE` for codes that are not a known base, uint8 (256,).

The indices of a base and its complement add up to 3.
"""

IS_GC = IS_BASE & np.isin(PLAIN, [ord("C"), ord("G")])
"""Whether each ASCII code is C or G, in upper or lower case, bool (256,)."""

for _table in (ONE_HOT, IS_LETTER, IS_BASE, BASE_INDEX, IS_GC):
    _table.flags.writeable = False


def is_unknown(letters: np.ndarray) -> np.ndarray:
    """Returns a boolean array with the shape of `letters`, which is True where a letter is N or n."""
    return (letters | 0x20) == ord("n")


def reverse_complement(letters: np.ndarray) -> np.ndarray:
    """Returns the reverse complement of sequences, uint8 (..., length), as a new array.

    Example:
        >>> reverse_complement(letter_codes("AACGn")).tobytes()
        b'nCGTT'
    """
    return COMPLEMENT[letters[..., ::-1]]
