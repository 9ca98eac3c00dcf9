"""Copies a known number of training rows to the validation rows, to test the detection of overlaps."""

import numpy as np

from dreamkeras.sequence.alphabet import BASES

TURN = str.maketrans("ACGTN", "TGCAN")


def turned(sequence):
    return sequence[::-1].translate(TURN)


def changed(sequence, rng):
    """Returns the sequence with one base changed."""
    place = rng.choice([place for place, letter in enumerate(sequence) if letter != "N"])
    return sequence[:place] + rng.choice([base for base in BASES if base != sequence[place]]) + sequence[place + 1 :]


def leak(training, validation, share, construct, seed=0):
    """Replaces a fraction of the validation rows by training rows, whose inserts are copied, reverse-complemented or mutated alternately.

    Each row is a list that begins with the sequence including both adapters.
    """
    rng = np.random.default_rng(seed)
    left, right = len(construct.left_adapter), -len(construct.right_adapter)
    kinds = (lambda insert: insert, turned, lambda insert: changed(insert, rng))
    rows = rng.permutation(len(validation))[: round(share * len(validation))]
    sources = rng.permutation(len(training))[: len(rows)]
    for number, (row, source) in enumerate(zip(rows, sources, strict=True)):
        sequence, *rest = training[source]
        validation[row] = [sequence[:left] + kinds[number % 3](sequence[left:right]) + sequence[right:], *rest]
