"""Whether a sequence resembles the training sequences in its length, its GC content and its short words.

Each is compared with what nearly all training sequences span. A sequence that passes may still be new to the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.confidence.calibration import find_part
from dreamkeras.data.splits.kmers import canonical_kmers
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.scorer import Scorer
from dreamkeras.sequence.alphabet import BASE_INDEX, BASES, IS_BASE, IS_GC, NO_BASE
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged, batch_bounds

__all__ = ["LABELS", "REASONS", "Familiarity", "FamiliarityConstruct", "measure_familiarity"]

REASONS = ("length", "gc", "kmers")
"""Features that may be unusual; reason i is bit i of a code."""

LABELS = tuple(";".join(reason for bit, reason in enumerate(REASONS) if code >> bit & 1) for code in range(1 << len(REASONS)))
"""The text of each code; empty for a sequence that is like those of training."""

CENTRAL = 0.999
"""Share of the training sequences that a range spans, half of the others on either side."""

WORD = 4
"""Letters of a word: 77 words in 80 letters, of 136 kinds where the two strands' are one."""

_KINDS = 4**WORD
_LETTERS = 1 << 22


def _canonical_words() -> dict[str, int]:
    """Each word that is no other's reverse complement with a larger number, and its number."""
    codes = np.array(np.unravel_index(np.arange(_KINDS), (4,) * WORD), np.uint8).T
    numbers = canonical_kmers(codes, WORD)[0][:, 0]
    return {"".join(BASES[code] for code in codes[number]): int(number) for number in np.unique(numbers)}


WORDS = _canonical_words()


class Familiarity(NamedTuple):
    """The ranges of nearly all training sequences.

    Args:
        sequences: How many were looked at.
        length: The fewest and the most letters of an insert.
        gc: The least and the largest share of G and C among the bases.
        shares: float64 (136,), how much of all words each is, in the order of `WORDS`.
        distance: The largest distance of a sequence's words from these shares; see `word_distances`.
    """

    sequences: int
    length: tuple[float, float]
    gc: tuple[float, float]
    shares: np.ndarray
    distance: float

    @classmethod
    def of(cls, scorer: Scorer) -> "Familiarity":
        """The familiarity in a model's calibration.

        Raises:
            ModelError: It has none.
        """
        return cls.from_json(find_part(scorer, "familiarity"))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Familiarity":
        """The ranges that `to_json` described.

        Raises:
            ModelError: It is something else.
        """
        try:
            (shortest, longest), (least, largest) = fields["length"], fields["gc"]
            shares = np.array([fields["words"][word] for word in WORDS], np.float64)
            return cls(fields["sequences"], (shortest, longest), (least, largest), shares, float(fields["distance"]))
        except (TypeError, ValueError, KeyError) as error:
            raise ModelError(f"Expected the ranges of training sequences, got {str(fields)[:80]} ({error!r}).") from None

    def to_json(self) -> dict[str, Any]:
        """JSON-able, with all digits; the shares by word."""
        shares = dict(zip(WORDS, self.shares.tolist(), strict=True))
        return {"sequences": self.sequences, "length": list(self.length), "gc": list(self.gc), "distance": self.distance, "words": shares}

    def codes(self, inserts: Ragged) -> np.ndarray:
        """uint8 (n,): what is unusual about each, one bit a reason of `REASONS`; `LABELS` has the texts.

        A share of G and C, and words, are unusual where there are none to look at.
        """
        gc, counts = _content(inserts)
        lengths, distances = inserts.lengths, word_distances(counts, self.shares)
        usual = [
            (lengths >= self.length[0]) & (lengths <= self.length[1]),
            (gc >= self.gc[0]) & (gc <= self.gc[1]),  # false for NaN
            distances <= self.distance,
        ]
        return np.packbits(~np.array(usual, bool), axis=0, bitorder="little")[0]


@dataclass(frozen=True)
class FamiliarityConstruct(Construct):
    """A construct whose window is the code of a sequence's unusual features, so that codes travel as windows do.

    Args:
        familiarities: Those of each model; unusual to one is unusual.
        inner: The construct of each model, which tells where its inserts are.
    """

    familiarities: tuple[Familiarity, ...] = ()
    inner: tuple[Construct, ...] = ()

    def windows(self, sequences: Ragged) -> np.ndarray:
        """uint8 (n, 1), codes."""
        pairs = zip(self.familiarities, self.inner, strict=True)
        codes = [found.codes(construct.inserts(sequences)) for found, construct in pairs]
        return np.bitwise_or.reduce(codes)[:, None]

    def fit(self, sequences: Ragged) -> tuple[np.ndarray, dict[int, str]]:
        """As `windows`, and no problems."""
        return self.windows(sequences), {}

    def problems(self, sequences: Ragged) -> dict[int, str]:
        """None: every sequence that fits the model has a code."""
        return {}


def measure_familiarity(inserts: Ragged) -> Familiarity:
    """The ranges of the inserts of training sequences.

    Args:
        inserts: At least one.

    Raises:
        InputError: There is none, or there is no word in any.
    """
    bounds = batch_bounds(inserts.offsets, _LETTERS // _KINDS, _LETTERS)
    parts = [_content(inserts.between(first, last)) for first, last in bounds]
    gc = np.concatenate([part[0] for part in parts]) if parts else np.empty(0)
    counts = np.concatenate([part[1] for part in parts]) if parts else np.empty((0, len(WORDS)))
    if not counts.any():
        raise InputError(f"Expected training sequences with {WORD} known letters in a row, got {len(inserts)} without.")
    shares = (counts.sum(0) + 1) / (counts.sum() + len(WORDS))  # none is 0: what was not seen may come
    distance = _range(word_distances(counts, shares))[1]
    return Familiarity(len(inserts), _range(inserts.lengths), _range(gc[~np.isnan(gc)]), shares, distance)


def word_distances(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """float64 (n,): Pearson's chi-square of each sequence's words, which depends little on how many there are; NaN without any.

    Args:
        counts: int (n, words).
        shares: float (words,), none 0.
    """
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (counts.astype(np.float64) ** 2 / shares).sum(axis=1) / np.where(total, total, np.nan) - total


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, ((1 - CENTRAL) / 2, (1 + CENTRAL) / 2), method="inverted_cdf")
    return float(low), float(high)  # all digits, in the file too: rounded, many training sequences may be outside


def _content(inserts: Ragged) -> tuple[np.ndarray, np.ndarray]:
    """float64 (n,), the share of G and C, NaN without a base; int64 (n, words), the count of each word in each."""
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
