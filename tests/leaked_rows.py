"""Validation rows of which known numbers stand in training too, for tests of what finds them."""

import numpy as np

from dreamkeras.sequence.alphabet import BASES

TURN = str.maketrans("ACGTN", "TGCAN")


def turned(sequence):
    return sequence[::-1].translate(TURN)


def changed(sequence, rng):
    """The sequence with one other letter."""
    place = rng.choice([place for place, letter in enumerate(sequence) if letter != "N"])
    return sequence[:place] + rng.choice([base for base in BASES if base != sequence[place]]) + sequence[place + 1 :]


def leak(training, validation, share, construct, seed=0):
    """Puts training rows in place of this share of the validation rows, as copies, turned, and with one letter changed in turn.

    Rows are lists, the sequence with both adapters first.
    """
    rng = np.random.default_rng(seed)
    left, right = len(construct.left_adapter), -len(construct.right_adapter)
    kinds = (lambda insert: insert, turned, lambda insert: changed(insert, rng))
    rows = rng.permutation(len(validation))[: round(share * len(validation))]
    sources = rng.permutation(len(training))[: len(rows)]
    for number, (row, source) in enumerate(zip(rows, sources, strict=True)):
        sequence, *rest = training[source]
        validation[row] = [sequence[:left] + kinds[number % 3](sequence[left:right]) + sequence[right:], *rest]
