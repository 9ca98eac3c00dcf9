"""Motif sites: positions of motifs of IUPAC codes in inserts, and their insertion."""

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
    """Where a motif stands.

    Args:
        motif: Which, from 0.
        position: Of its first letter in the insert, from 0, on either strand.
        reverse: Whether it is on the other strand.
    """

    motif: int
    position: int
    reverse: bool


Arrangement = tuple[Site, ...]
"""The motifs that are in a background at the same time."""


def arrange(positions: Iterable[int], strands: str = STRANDS) -> list[Arrangement]:
    """One motif at some positions.

    Args:
        positions: Of its first letter, from 0.
        strands: Which of `STRANDS`.

    Example:
        >>> arrange([0, 10], "+")
        [(Site(motif=0, position=0, reverse=False),), (Site(motif=0, position=10, reverse=False),)]
    """
    return [(Site(0, position, strand == "-"),) for position in positions for strand in strands]


def arrange_pair(motifs: Sequence[str], positions: Iterable[int], spacings: Iterable[int], strands: str = STRANDS) -> list[Arrangement]:
    """Two motifs, the second behind the first.

    Args:
        motifs: Two of IUPAC codes.
        positions: Of the first one's first letter, from 0.
        spacings: Letters between the two.
        strands: Which of `STRANDS`; every combination of them.

    Raises:
        InputError: A spacing is below 0, where one motif would take the other's letters.
    """
    spacings = list(spacings)
    if min(spacings, default=0) < 0:
        raise InputError(f"Expected spacings from 0 on, got {min(spacings)}.")
    width = len(motifs[0])
    return [
        (Site(0, position, first == "-"), Site(1, position + width + spacing, second == "-"))
        for position, spacing in itertools.product(positions, spacings)
        for first, second in itertools.product(strands, repeat=2)
    ]


def motif_letters(motif: str, n: int, random: np.random.Generator) -> np.ndarray:
    """A motif, once for each of n backgrounds.

    Args:
        motif: IUPAC codes in any case; one that stands for several bases becomes one of them, N the background's own letter.
        n: Backgrounds.
        random: The generator.

    Returns:
        uint8 (n, letters); `N` where the background's letter stays.

    Raises:
        InputError: It has no letter, or one that is no code.

    Example:
        >>> motif_letters("TGASTNA", 2, np.random.default_rng(0)).tobytes()
        b'TGAGTNATGAGTNA'
    """
    codes = np.frombuffer(motif.upper().encode("latin-1", "replace"), np.uint8)
    if not len(codes) or not IS_LETTER[codes].all():
        raise InputError(f"Expected a motif of the letters {''.join(IUPAC)}, got {motif!r}.")
    letters = np.empty((n, len(codes)), np.uint8)
    for column, code in enumerate(codes):
        bases = BASE_CODES[ONE_HOT[code] > 0]
        letters[:, column] = random.choice(bases, n) if len(bases) else N
    return letters


def insert_motif(inserts: Ragged, letters: np.ndarray, position: int, *, reverse: bool) -> Ragged:
    """Inserts with a motif in place of as many letters, from `position` on, counted from 0, and on the other strand if `reverse`.

    `letters` are uint8 (n, letters), as from `motif_letters`.
    """
    letters = reverse_complement(letters) if reverse else letters
    places = inserts.offsets[:-1, None] + position + np.arange(letters.shape[1])
    flat = inserts.flat.copy()
    flat[places] = np.where(letters == N, flat[places], letters)
    return Ragged(flat, inserts.offsets)
