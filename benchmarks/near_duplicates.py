"""Measures time, memory and recall of near-duplicate detection and overlap detection, for a library of the size of the challenge's.

The library has random inserts of 80 bases. One in a hundred is a copy of another insert, on either strand, with up to eight bases redrawn.
Run `python benchmarks/near_duplicates.py [N]`. 6.7 million sequences require 2 GB. Times are CPU times on one core.
"""

import resource
import sys
import time

import numpy as np
from machine import provenance

from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.overlap import overlap
from dreamkeras.data.splits.similar import family_keys
from dreamkeras.sequence.alphabet import BASE_CODES, reverse_complement

LENGTH, DRAWN = 80, 8


def library(count, rng):
    """Returns windows uint8 (n, 80), the rows of originals int (m,), and the rows of their copies int (m,).

    The first copy has 0 redrawn bases, the second 1, and so on up to 8, after which the cycle repeats.
    """
    letters = BASE_CODES[rng.integers(0, len(BASE_CODES), (count, LENGTH), np.uint8)]
    copies = rng.permutation(count)[: count // 50]
    originals, copies = copies[::2], copies[1::2][: len(copies[::2])]
    letters[copies] = letters[originals[: len(copies)]]
    letters[copies[::3]] = reverse_complement(letters[copies[::3]])
    for drawn in range(1, DRAWN + 1):
        rows = copies[np.arange(len(copies)) % (DRAWN + 1) >= drawn]
        letters[rows, rng.integers(0, LENGTH, len(rows))] = BASE_CODES[rng.integers(0, len(BASE_CODES), len(rows))]
    return letters, originals[: len(copies)], copies


def examples(letters):
    narrow = np.zeros((len(letters), 1), np.float32)
    return Examples([""] * len(letters), letters, narrow, narrow, np.full(len(letters), letters.shape[1], np.int32))


def timed(name, call):
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    result = call()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{name}: {time.process_time() - start:.0f} s, {(peak - before) / 1024:.0f} MB in addition to {before / 1024:.0f} MB")
    return result


def main():
    count = int(float(sys.argv[1])) if len(sys.argv) > 1 else 6_700_000
    print(provenance())
    letters, originals, copies = library(count, np.random.default_rng(0))
    keys = timed(f"families of {count:,} sequences", lambda: family_keys(letters))
    for drawn in range(DRAWN + 1):
        rows = slice(drawn, None, DRAWN + 1)
        print(f"  {drawn} bases redrawn: {(keys[originals[rows]] == keys[copies[rows]]).mean():.4f} found")
    print(f"  {len(np.unique(keys)):,} families; {count - len(copies):,} if no sequences were similar by chance")
    training, validation = examples(letters[count // 10 :]), examples(letters[: count // 10])
    print(timed(f"overlap of {len(validation):,} with {len(training):,}", lambda: overlap(training, validation)))


if __name__ == "__main__":
    main()
