"""Checks whether a sequence is similar to the training sequences in length, GC content and 4-mers.

A feature is unusual if it is outside the range of nearly all training sequences. A sequence without unusual features can still be new to
the model.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.calibration import find_part
from dreamkeras.data.splits.kmers import canonical_kmers
from dreamkeras.errors import InputError, ModelError, none_of
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.alphabet import BASE_INDEX, BASES, IS_BASE, IS_GC, NO_BASE
from dreamkeras.sequence.ragged import Ragged, batch_bounds

__all__ = ["LABELS", "REASONS", "Familiarity", "measure_familiarity"]

REASONS = ("length", "gc", "kmers")
"""Features that can be unusual. Bit i of a code is set if the feature with index i is unusual."""

LABELS = tuple(";".join(reason for bit, reason in enumerate(REASONS) if code >> bit & 1) for code in range(1 << len(REASONS)))
"""Text for each code, which lists the unusual features. The text is empty if no feature is unusual."""

CENTRAL = 0.999
"""Share of the training sequences within the range of a feature.

Half of the sequences outside the range are below it, and half are above it.
"""

WORD = 4
"""Length of a k-mer. There are 136 distinct 4-mers if a 4-mer and its reverse complement are counted as one."""

_KINDS = 4**WORD
_LETTERS = 1 << 22


def _canonical_words() -> dict[str, int]:
    """Returns the index of each canonical 4-mer among all 256 4-mers. A canonical 4-mer also represents its reverse complement."""
    codes = np.array(np.unravel_index(np.arange(_KINDS), (4,) * WORD), np.uint8).T
    numbers = canonical_kmers(codes, WORD)[0][:, 0]
    return {"".join(BASES[code] for code in codes[number]): int(number) for number in np.unique(numbers)}


WORDS = _canonical_words()


class Familiarity(NamedTuple):
    """Ranges of length, GC content and 4-mer composition that include nearly all training sequences.

    Args:
        sequences: Number of training sequences from which the ranges were computed.
        length: Lower and upper limit of the length of an insert, in bases.
        gc: Lower and upper limit of the GC content of an insert, as a share of its known bases.
        shares: Share of each 4-mer among all 4-mers of the training sequences, float64 (136,), in the order of `WORDS`.
        distance: Upper limit of the distance between the 4-mer counts of an insert and `shares`, as computed by `word_distances`.
    """

    sequences: int
    length: tuple[float, float]
    gc: tuple[float, float]
    shares: np.ndarray
    distance: float

    @classmethod
    def of(cls, scorer: Scorer) -> "Familiarity":
        """Reads the familiarity from a model's calibration.

        Raises:
            ModelError: The calibration has no familiarity.
        """
        return cls.from_json(find_part(scorer, "familiarity"))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Familiarity":
        """Reads the output of `to_json`.

        Raises:
            ModelError: The fields are malformed.
        """
        try:
            (shortest, longest), (least, largest) = fields["length"], fields["gc"]
            shares = np.array([fields["words"][word] for word in WORDS], np.float64)
            return cls(fields["sequences"], (shortest, longest), (least, largest), shares, float(fields["distance"]))
        except (TypeError, ValueError, KeyError) as error:
            wanted = "ranges of length, GC content and 4-mers"
            raise ModelError(f"Cannot read the familiarity: {error!r}. Expected {wanted}, got {str(fields)[:80]}.") from None

    def to_json(self) -> dict[str, Any]:
        """Returns a dictionary for JSON with the ranges and the share of each 4-mer, without rounding."""
        shares = dict(zip(WORDS, self.shares.tolist(), strict=True))
        return {"sequences": self.sequences, "length": list(self.length), "gc": list(self.gc), "distance": self.distance, "words": shares}

    def codes(self, inserts: Ragged) -> np.ndarray:
        """Returns the unusual features of each insert as a code, uint8 (n,), with one bit per feature in `REASONS`. See `LABELS` for texts.

        If an insert has no known bases, its GC content is treated as unusual. If an insert has no four known bases in a row, its 4-mers are
        treated as unusual.
        """
        gc, counts = _content(inserts)
        lengths, distances = inserts.lengths, word_distances(counts, self.shares)
        usual = [
            (lengths >= self.length[0]) & (lengths <= self.length[1]),
            (gc >= self.gc[0]) & (gc <= self.gc[1]),  # false for NaN
            distances <= self.distance,
        ]
        return np.packbits(~np.array(usual, bool), axis=0, bitorder="little")[0]


def measure_familiarity(inserts: Ragged) -> Familiarity:
    """Computes the ranges of length, GC content and 4-mer composition from the inserts of training sequences.

    Args:
        inserts: At least one insert.

    Raises:
        InputError: There are no inserts, or no insert has four known bases in a row.
    """
    bounds = batch_bounds(inserts.offsets, _LETTERS // _KINDS, _LETTERS)
    parts = [_content(inserts.between(first, last)) for first, last in bounds]
    gc = np.concatenate([part[0] for part in parts]) if parts else np.empty(0)
    counts = np.concatenate([part[1] for part in parts]) if parts else np.empty((0, len(WORDS)))
    if not counts.any():
        raise InputError(f"{none_of(len(inserts), 'training sequence')} has {WORD} known bases in a row.")
    shares = (counts.sum(0) + 1) / (counts.sum() + len(WORDS))  # pseudocounts: the share of a 4-mer that does not occur must not be 0
    distance = _range(word_distances(counts, shares))[1]
    return Familiarity(len(inserts), _range(inserts.lengths), _range(gc[~np.isnan(gc)]), shares, distance)


def word_distances(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Returns Pearson's chi-square statistic for the 4-mer counts of each sequence. The statistic depends little on the sequence length.

    Args:
        counts: Counts of 4-mers, int (n, 136).
        shares: Expected shares of 4-mers, float (136,), all above 0.

    Returns:
        The statistics, float64 (n,). The statistic of a sequence without 4-mers is NaN.
    """
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (counts.astype(np.float64) ** 2 / shares).sum(axis=1) / np.where(total, total, np.nan) - total


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, ((1 - CENTRAL) / 2, (1 + CENTRAL) / 2), method="inverted_cdf")
    return float(low), float(high)  # not rounded, because with a rounded limit many training sequences could be outside the range


def _content(inserts: Ragged) -> tuple[np.ndarray, np.ndarray]:
    """Computes the GC content and the 4-mer counts of inserts.

    Returns:
        Two arrays: the GC content, float64 (n,), which is NaN for an insert without known bases, and the 4-mer counts, int64 (n, 136).
    """
    n, owner = len(inserts), inserts.owners()
    codes = np.pad(BASE_INDEX[inserts.flat], (0, WORD), constant_values=NO_BASE)
    known = np.bincount(owner, IS_BASE[inserts.flat], n)
    with np.errstate(invalid="ignore"):
        gc = np.bincount(owner, IS_GC[inserts.flat], n) / np.where(known, known, np.nan)
    words, unknown = canonical_kmers(codes[None], WORD)
    ends = np.repeat(inserts.offsets[1:], inserts.lengths)
    whole = (np.arange(len(owner)) + WORD <= ends) & ~unknown[0, : len(owner)]
    found = np.bincount(owner[whole] * _KINDS + words[0, : len(owner)][whole], minlength=n * _KINDS)
    return gc, found.reshape(n, _KINDS)[:, list(WORDS.values())]
