"""How many sequences to validate or test on a model has seen in training, or has nearly seen."""

from typing import NamedTuple

import numpy as np

from dreamkeras.data.chromosomes import shared_windows
from dreamkeras.data.duplicates import strand_keys
from dreamkeras.data.examples import Examples
from dreamkeras.data.inserts import Inserts, constant_ends, find_inserts, without_ends
from dreamkeras.data.similar import found_near

__all__ = ["Overlap", "overlap"]


class Overlap(NamedTuple):
    """Numbers of sequences, each counted once, as the first that it is.

    Args:
        exact: Copies of a training sequence.
        reverse: Reverse complements of one.
        near: Nearly the same as one, on either strand: see `data.similar`. Of a genome's windows, those that overlap one.
    """

    exact: int
    reverse: int
    near: int

    def describe(self, sequences: int, place: str, known: str = "training", consequence: str = "figures on them will be too good") -> str:
        """One line for whoever is about to trust figures on these sequences.

        Args:
            sequences: How many there are in all.
            place: Where they stand, e.g. `"in valid.tsv"`.
            known: What the sequences are compared with.
            consequence: What follows.

        Example:
            >>> Overlap(12, 15, 5).describe(1000, "in valid.tsv")
            '12 of the 1,000 sequences in valid.tsv are copies of training sequences, 15 their reverse complements and 5 nearly ...'
        """
        return (
            f"{self.exact:,} of the {sequences:,} sequences {place} are copies of {known} sequences, {self.reverse:,} their reverse "
            f"complements and {self.near:,} nearly the same: {consequence}."
        )


def overlap(training: Examples, validation: Examples) -> Overlap:
    """How many of the validation sequences stand in the training sequences too.

    Adapters, flanks and ends that nearly all training sequences have do not count. The windows of a genome, those with profiles, are
    compared by their places.

    Args:
        training: What a model is trained on.
        validation: What it is then tested on, of the same construct.
    """
    if validation.profiles is not None:
        return _common_places(training.ids, validation.ids)
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


def _common_places(known: list[str], asked: list[str]) -> Overlap:
    exact = np.isin(asked, known)
    return Overlap(int(exact.sum()), 0, int((shared_windows(known, asked) & ~exact).sum()))
