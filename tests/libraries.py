"""Four kinds of simulated libraries, with the parts in which they were made. `benchmarks/holdouts.py` and tests of hold-outs use them."""

import numpy as np

from dreamkeras.data.examples import Examples

BASES = np.frombuffer(b"ACGT", np.uint8)

LENGTH = 120

KINDS = ("designs", "random", "pairs", "copies")
"""Eight large families of designs; random inserts; pairs of reference and alternative; ten copies of each with small changes."""


def library(kind, count, seed=0):
    """Returns about `count` examples of a kind with values, and the part in which each example was made, int (n,)."""
    random = np.random.default_rng(seed)
    letters, parts = {"designs": _designs, "random": _random, "pairs": _pairs, "copies": _copies}[kind](count, random)
    effects = random.normal(size=parts.max() + 1)  # most of the variance is between the parts, as in measured libraries
    values = effects[parts] + 0.5 * random.normal(size=len(parts))
    return as_examples(letters, values), parts


def as_examples(letters, values):
    """Returns examples with windows uint8 (n, length) and values (n,) or (n, tasks)."""
    count = len(letters)
    targets = np.asarray(values, np.float32).reshape(count, -1)
    flags = np.zeros((count, 2), np.float32)
    return Examples([f"p{row}" for row in range(count)], letters, targets, flags, np.full(count, letters.shape[1], np.int32))


def _drawn(count, random):
    return BASES[random.integers(0, 4, (count, LENGTH), np.uint8)]


def _designs(count, random):
    """Eight backgrounds of unequal frequency, with five elements at fixed places, each in one of eight versions."""
    parts = random.choice(8, count, p=np.array([5, 7, 8, 8, 9, 9, 10, 10]) / 66)
    letters, elements = _drawn(8, random)[parts], BASES[random.integers(0, 4, (5, 8, 6))]
    for place, versions in zip((10, 35, 60, 85, 105), elements, strict=True):
        letters[:, place : place + 6] = versions[random.integers(0, 8, count)]
    return letters, parts


def _random(count, random):
    return _drawn(count, random), np.arange(count)


def _pairs(count, random):
    parts = np.repeat(np.arange(count // 2), 2)
    letters = _drawn(count // 2, random)[parts]
    _change(letters, np.arange(1, len(parts), 2), random)
    return letters, parts


def _copies(count, random):
    parts = np.repeat(np.arange(count // 10), 10)
    letters = _drawn(count // 10, random)[parts]
    for _ in range(3):
        _change(letters, np.arange(len(parts)), random)
    return letters, parts


def _change(letters, rows, random):
    """Replaces one base in each of the given rows."""
    places = random.integers(0, LENGTH, len(rows))
    codes = np.searchsorted(BASES, letters[rows, places])
    letters[rows, places] = BASES[(codes + random.integers(1, 4, len(rows))) % 4]
