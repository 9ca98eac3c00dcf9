"""How many sequences to validate or test on a model has seen in training, or has nearly seen."""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.chromosomes import shared_windows
from dreamkeras.data.splits.duplicates import strand_keys
from dreamkeras.data.splits.inserts import Inserts, constant_ends, find_inserts, without_ends
from dreamkeras.data.splits.similar import found_near

__all__ = ["Overlap", "WindowOverlap", "overlap"]


class Overlap(NamedTuple):
    """Numbers of copies, reverse complements and near-duplicates, by `data.splits.similar`, of training sequences; each counts once."""

    exact: int
    reverse: int
    near: int

    def describe(self, sequences: int, place: str, known: str = "training", consequence: str = "figures on them will be too good") -> str:
        """A one-line warning about these sequences, of which at least one is known.

        Args:
            sequences: How many there are in all.
            place: For the sentence, e.g. `"in valid.tsv"`.
            known: The name of the set that they are compared with.
            consequence: The end of the sentence.

        Example:
            >>> Overlap(12, 15, 5).describe(1000, "in valid.tsv")
            '12 of the 1,000 sequences in valid.tsv are copies of training sequences, 15 their reverse complements and 5 nearly ...'
            >>> Overlap(0, 15, 0).describe(1000, "in valid.tsv")
            '15 of the 1,000 sequences in valid.tsv are reverse complements of training sequences: figures on them will be too good.'
        """
        counts = [(count, *words) for count, words in zip(self, self._words(known), strict=True) if count]
        (first, of_known, _), *others = counts
        text = f"{first:,} of the {sequences:,} {self._noun()} {place} {of_known}"
        more = [f"{count:,} {of_them}" for count, _, of_them in others]
        return f"{' and '.join(filter(None, [', '.join([text, *more[:-1]]), *more[-1:]]))}: {consequence}."

    def _noun(self) -> str:
        return "sequences"

    def _words(self, known: str) -> tuple[tuple[str, str], ...]:
        """The phrase for each number, where it is the first of the sentence, and after another one."""
        return (
            (f"are copies of {known} sequences", "copies"),
            (f"are reverse complements of {known} sequences", "their reverse complements"),
            (f"are nearly the same as {known} sequences", "nearly the same"),
        )


class WindowOverlap(Overlap):
    """The same of a genome's windows, by their places: `exact` are those of the data, `near` overlap one; `reverse` is 0.

    Example:
        >>> WindowOverlap(10, 0, 8).describe(20, "around p.bed", "validation", "its best epoch was chosen on them")
        '10 of the 20 windows around p.bed are validation windows and 8 overlap them: its best epoch was chosen on them.'
    """

    __slots__ = ()

    def _noun(self) -> str:
        return "windows"

    def _words(self, known: str) -> tuple[tuple[str, str], ...]:
        return (f"are {known} windows", ""), ("", ""), (f"overlap {known} windows", "overlap them")


def overlap(training: Examples, validation: Examples) -> Overlap:
    """How many of the validation sequences are in a model's training data, too; both are of the same construct.

    Adapters, flanks and ends that nearly all training sequences have do not count. The windows of a genome, those with profiles, are
    compared by their places.
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
