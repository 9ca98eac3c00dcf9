"""Arranges motifs at positions of inserts, and replaces letters of inserts with motifs. A motif consists of IUPAC codes."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import BASE_CODES, IS_LETTER, IUPAC, ONE_HOT, N, reverse_complement
from dreamkeras.sequence.ragged import Ragged

__all__ = ["STRANDS", "Arrangement", "Site", "arrange", "arrange_pair", "insert_motif", "motif_letters"]

STRANDS = "+-"


class Site(NamedTuple):
    """Position and strand of a motif in an insert.

    Args:
        motif: Index of the motif, from 0.
        position: 0-based position of the leftmost letter in the insert. On the reverse strand, this letter is the last letter of the motif.
        reverse: Whether the motif is on the reverse strand.
    """

    motif: int
    position: int
    reverse: bool


Arrangement = tuple[Site, ...]
"""Sites of all motifs that are inserted into one background."""


def arrange(positions: Iterable[int], strands: str = STRANDS) -> list[Arrangement]:
    """Returns arrangements of one motif at several positions.

    Args:
        positions: 0-based positions of the leftmost letter of the motif.
        strands: Strands of the motif, one or both of `+` and `-`.

    Example:
        >>> arrange([0, 10], "+")
        [(Site(motif=0, position=0, reverse=False),), (Site(motif=0, position=10, reverse=False),)]
    """
    return [(Site(0, position, strand == "-"),) for position in positions for strand in strands]


def arrange_pair(motifs: Sequence[str], positions: Iterable[int], spacings: Iterable[int], strands: str = STRANDS) -> list[Arrangement]:
    """Returns arrangements of two motifs, with the second motif to the right of the first motif.

    Args:
        motifs: Two motifs, as IUPAC codes.
        positions: 0-based positions of the leftmost letter of the first motif.
        spacings: Numbers of letters between the two motifs.
        strands: Strands of the motifs, one or both of `+` and `-`. All combinations of the strands of both motifs are returned.

    Raises:
        InputError: A spacing is below 0, so that the motifs would overlap.
    """
    spacings = list(spacings)
    if min(spacings, default=0) < 0:
        raise InputError(f"Expected spacings of at least 0, got {min(spacings)}.")
    width = len(motifs[0])
    return [
        (Site(0, position, first == "-"), Site(1, position + width + spacing, second == "-"))
        for position, spacing in itertools.product(positions, spacings)
        for first, second in itertools.product(strands, repeat=2)
    ]


def motif_letters(motif: str, n: int, random: np.random.Generator) -> np.ndarray:
    """Draws the letters of a motif for each of n backgrounds.

    Args:
        motif: IUPAC codes in upper or lower case. A code for several bases is replaced by one of these bases at random. At an N, the
            letter of the background is kept.
        n: Number of backgrounds.
        random: Random number generator.

    Returns:
        Letters of the motif, uint8 (n, letters), with `N` at positions where the background is kept.

    Raises:
        InputError: The motif is empty or has a letter that is not an IUPAC code.

    Example:
        >>> motif_letters("TGASTNA", 2, np.random.default_rng(0)).tobytes()
        b'TGAGTNATGAGTNA'
    """
    codes = np.frombuffer(motif.upper().encode("latin-1", "replace"), np.uint8)
    if not len(codes) or not IS_LETTER[codes].all():
        raise InputError(f"Expected a motif that consists of the IUPAC codes {''.join(IUPAC)}, got {motif!r}.")
    letters = np.empty((n, len(codes)), np.uint8)
    for column, code in enumerate(codes):
        bases = BASE_CODES[ONE_HOT[code] > 0]
        letters[:, column] = random.choice(bases, n) if len(bases) else N
    return letters


def insert_motif(inserts: Ragged, letters: np.ndarray, position: int, *, reverse: bool) -> Ragged:
    """Replaces letters of inserts with a motif.

    Args:
        inserts: n inserts.
        letters: Letters of the motif for each insert, uint8 (n, letters). `motif_letters` returns such an array.
        position: 0-based position of the leftmost letter of the motif.
        reverse: Whether the motif is on the reverse strand.
    """
    letters = reverse_complement(letters) if reverse else letters
    places = inserts.offsets[:-1, None] + position + np.arange(letters.shape[1])
    flat = inserts.flat.copy()
    flat[places] = np.where(letters == N, flat[places], letters)
    return Ragged(flat, inserts.offsets)
