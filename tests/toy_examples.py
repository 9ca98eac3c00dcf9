"""Small sets of examples for tests."""

import numpy as np

from dreamkeras.data.examples import Examples
from dreamkeras.sequence.ragged import Ragged

TURN = str.maketrans("ACGT", "TGCA")


def turned(sequence):
    return sequence.upper()[::-1].translate(TURN)


def make_examples(sequences, construct=None, folds=None):
    ragged = Ragged.from_strings(sequences)
    letters = construct.windows(ragged) if construct else ragged.flat.reshape(len(sequences), -1)
    count = len(sequences)
    return Examples(
        ids=[f"p{number}" for number in range(count)],
        letters=letters,
        targets=np.arange(count, dtype=np.float32)[:, None],
        flags=np.zeros((count, 2), np.float32),
        lengths=ragged.lengths.astype(np.int32),
        folds=None if folds is None else np.array(folds, str if isinstance(folds[0], str) else np.int32),
        construct=construct,
    )


def random_sequences(count, length=20, seed=0):
    return ["".join(row) for row in np.random.default_rng(seed).choice(list("ACGT"), (count, length))]


def rows(examples):
    return examples.targets[:, 0].astype(int).tolist()
