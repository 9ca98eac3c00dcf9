"""Attributions with random values."""

import numpy as np

from dreamkeras.explain.attribution import Attribution
from dreamkeras.sequence.ragged import Ragged


def attribution(*inserts, tasks=2, seed=0):
    random, packed = np.random.default_rng(seed), Ragged.from_strings(inserts)
    rows = (random.normal(size=shape).astype(np.float32) for shape in ((len(inserts), tasks), (len(inserts), tasks)))
    scores = random.normal(size=(len(packed.flat), 4, tasks)).astype(np.float32)
    return Attribution([f"s{i}" for i in range(len(inserts))], packed, *rows, scores)
