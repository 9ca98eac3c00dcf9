"""Counts the validation or test sequences that are also in the training data, exactly or as near-duplicates."""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.chromosomes import shared_windows
from dreamkeras.data.splits.duplicates import strand_keys
from dreamkeras.data.splits.inserts import Inserts, constant_ends, find_inserts, without_ends
from dreamkeras.data.splits.similar import found_near

__all__ = ["CHOSEN_ON", "TOO_HIGH", "Overlap", "WindowOverlap", "overlap"]

TOO_HIGH, CHOSEN_ON = "metrics on {them} will be too high", "the saved epoch may have been chosen with {them}"
"""Consequences of an overlap with the training data and with the validation data."""


class Overlap(NamedTuple):
    """Number of sequences that are copies, reverse complements or near-duplicates of training sequences.

    Each sequence is counted in one field only.

    Args:
        exact: Number of copies.
        reverse: Number of reverse complements.
        near: Number of near-duplicates, as defined in `data.splits.similar`.
    """

    exact: int
    reverse: int
    near: int

    def describe(self, sequences: int, place: str, known: str = "training", consequence: str = TOO_HIGH) -> str:
        """Returns a one-line warning about the overlap. At least one field must be above 0.

        Args:
            sequences: Total number of sequences in the set.
            place: Phrase that names the set, such as `"in valid.tsv"`.
            known: Name of the set that the sequences are compared with.
            consequence: Text that states the consequence of the overlap, at the end of the warning. The field `{them}` is replaced by
                "it" for one sequence, and by "them" for several sequences.

        Example:
            >>> Overlap(12, 15, 5).describe(1000, "in valid.tsv")
            '12 of the 1,000 sequences in valid.tsv are copies of training sequences, 15 are reverse complements and 5 are near-...'
            >>> Overlap(0, 15, 0).describe(1000, "in valid.tsv")
            '15 of the 1,000 sequences in valid.tsv are reverse complements of training sequences: metrics on them will be too high.'
            >>> Overlap(0, 0, 1).describe(1000, "in valid.tsv")
            '1 of the 1,000 sequences in valid.tsv is a near-duplicate of a training sequence: metrics on it will be too high.'
        """
        counts = [(count, *self._words(known, one=count == 1)[kind]) for kind, count in enumerate(self) if count]
        (first, of_known, _), *others = counts
        text = f"{first:,} of the {sequences:,} {self._noun()} {place} {of_known}"
        more = [f"{count:,} {of_them}" for count, _, of_them in others]
        end = consequence.format(them="it" if sum(self) == 1 else "them")
        return f"{' and '.join(filter(None, [', '.join([text, *more[:-1]]), *more[-1:]]))}: {end}."

    def _noun(self) -> str:
        return "sequences"

    def _words(self, known: str, *, one: bool) -> tuple[tuple[str, str], ...]:
        """Returns two phrases for each field, such as `are copies of training sequences` and the shorter `are copies`.

        In the warning, the longer phrase follows the first number, and the shorter phrase follows later numbers.

        Args:
            known: Name of the set that the sequences are compared with.
            one: Whether the number is 1.
        """
        of_known = f"of a {known} sequence" if one else f"of {known} sequences"
        nouns = (
            ("is a copy", "is a reverse complement", "is a near-duplicate")
            if one
            else ("are copies", "are reverse complements", "are near-duplicates")
        )
        return tuple((f"{noun} {of_known}", noun) for noun in nouns)


class WindowOverlap(Overlap):
    """Number of genomic windows that are also in the training data (`exact`) or overlap a training window (`near`). `reverse` is 0.

    Example:
        >>> WindowOverlap(10, 0, 8).describe(20, "around p.bed", "validation", CHOSEN_ON)
        '10 of the 20 windows around p.bed are validation windows and 8 overlap them: the saved epoch may have been chosen with them.'
    """

    __slots__ = ()

    def _noun(self) -> str:
        return "windows"

    def _words(self, known: str, *, one: bool) -> tuple[tuple[str, str], ...]:
        if one:
            return (f"is a {known} window", ""), ("", ""), (f"overlaps {known} windows", "overlaps them")
        return (f"are {known} windows", ""), ("", ""), (f"overlap {known} windows", "overlap them")


def overlap(training: Examples, validation: Examples) -> Overlap:
    """Counts the validation sequences that are also in the training data.

    The training and validation sequences must have the same construct.

    Adapters, flanks and constant ends of the training sequences are ignored. Genomic windows, which have profiles, are compared by their
    positions.
    """
    if validation.profiles is not None:
        same = np.isin(validation.ids, training.ids)
        return WindowOverlap(int(same.sum()), 0, int((shared_windows(training.ids, validation.ids) & ~same).sum()))
    known = find_inserts(training.letters, training.lengths, training.construct)
    ends = constant_ends(known)
    known = without_ends(known, ends)
    asked = without_ends(find_inserts(validation.letters, validation.lengths, validation.construct), ends)
    (known_keys, _), (given, turned) = strand_keys(known), strand_keys(asked)
    exact = np.isin(given, known_keys)
    reverse = np.isin(turned, known_keys) & ~exact
    rest = ~(exact | reverse)
    near = found_near(known, Inserts(*(values[rest] for values in asked)))
    return Overlap(int(exact.sum()), int(reverse.sum()), int(near.sum()))
