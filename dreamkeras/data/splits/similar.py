"""Finds near-duplicates, which are copies with a few changed bases, shifted copies, reverse complements, or copies with other flanks.

Two sequences are near-duplicates if at least half of the 8-mers of the shorter sequence are also in the longer sequence, on either strand.
Pairs of sequences that share a minimiser are candidates. Candidate pairs are confirmed by comparing their 8-mers, so pairs below the
threshold `NEAR` are never reported.

For random inserts of 80 bases, all copies with 1 or 2 changed bases are found. For random inserts of 80 bases, 99.8 % of the copies with
3 changed bases are found, 98 % with 4, and 87 % with 5. For random inserts of 200 bases, copies with up to 12 changed bases are found.
"""

from collections.abc import Iterator

import numpy as np

from dreamkeras.data.splits.duplicates import strand_keys
from dreamkeras.data.splits.inserts import Inserts, constant_ends, find_inserts, without_ends
from dreamkeras.data.splits.kmers import SEED, canonical_kmers, minimisers
from dreamkeras.sequence.alphabet import BASE_INDEX, NO_BASE
from dreamkeras.sequence.construct import Construct

__all__ = ["NEAR", "copy_and_family_keys", "family_keys", "found_near", "similarity"]

NEAR = 0.5
"""Minimum share of 8-mers that near-duplicates have in common.

About 4 changed bases in a sequence of 80 bases, or 12 in a sequence of 200 bases, reduce the share to 0.5.
"""

WORD = 8

LONGEST = 26
"""Maximum length, in bases, of the stretch that two sequences must share to be candidates."""

CHUNK = 2048
"""Number of sequences whose k-mers are computed at a time. With this number, the k-mers fit into the processor's cache."""

PAIRS = 256
"""Number of pairs compared at a time. Each pair needs a table of 64 KB."""

SEEDS = 2**24
"""Maximum number of minimisers in memory. This number of minimisers needs 128 MB, or 256 MB while the minimisers are being collected."""

COMPARED = 8
"""Maximum number of other sequences that a sequence is compared with for each minimiser that they share."""

CROWD = 32
"""If more than this number of sequences share a minimiser, each sequence is compared with only one of the others.

A minimiser that more than `CROWD` sequences share either lies in a repeat or comes from sequences that are all similar.
"""

BLOCK = 2**20
"""Number of candidate pairs in memory at a time."""

HALF, LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


def family_keys(letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None) -> np.ndarray:
    """Returns a key for each window, uint64 (n,). Copies and near-duplicates have equal keys, and form a family.

    Families are transitive: near-duplicates of near-duplicates belong to the same family. The keys do not depend on the order of the
    windows. Adapters, flanks and constant ends are ignored. See `duplex_keys` for the arguments.
    """
    return copy_and_family_keys(letters, lengths, construct)[1]


def copy_and_family_keys(
    letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns two keys for each window, uint64 (n,): the key of its sequence, and the key of its family, see `family_keys`.

    Copies and reverse complements have the same key of their sequence.
    """
    inserts = find_inserts(letters, lengths, construct)
    inserts = without_ends(inserts, constant_ends(inserts))
    given, turned = strand_keys(inserts)
    copies = given + turned
    keys, rows, which = np.unique(copies, return_index=True, return_inverse=True)
    return copies, keys[_leaders(inserts, rows)][which]


def found_near(known: Inserts, asked: Inserts) -> np.ndarray:
    """Returns whether each sequence in `asked` is a near-duplicate of a sequence in `known`, bool (n,)."""
    found = np.zeros(len(asked.letters), bool)
    stretch = _stretch(known)
    parts = _parts(known, stretch)
    everyone, those = (np.arange(len(inserts.letters)) for inserts in (known, asked))
    for seeds, wanted in zip(_seeds(known, everyone, stretch, parts), _seeds(asked, those, stretch, parts), strict=True):
        first = np.searchsorted(seeds, wanted & ~LOWER)
        count = np.searchsorted(seeds, wanted | LOWER, "right") - first
        for step in range(COMPARED):
            compared = (count > step) & ((count <= CROWD) | (step == 0))
            left = np.flatnonzero(compared & ~found[(wanted & LOWER).astype(np.int64)])
            # If many known sequences share a minimiser, different sequences in `asked` are compared with different known sequences.
            turn = ((wanted[left] & LOWER).astype(np.int64) + step) % count[left]
            rows, others = _pairs(wanted[left], seeds[first[left] + turn])
            found[rows[similarity(asked, rows, known, others) >= NEAR]] = True
    return found


def similarity(one: Inserts, rows: np.ndarray, other: Inserts, others: np.ndarray) -> np.ndarray:
    """Returns, for each pair of inserts, the share of the shorter insert's 8-mers that both inserts contain.

    Args:
        one: Set of inserts from which the first insert of each pair is taken.
        rows: Row of the first insert of each pair, int (pairs,).
        other: Set of inserts from which the second insert of each pair is taken.
        others: Row of the second insert of each pair, int (pairs,).

    Returns:
        Shares, 0 to 1, float64 (pairs,). If common 8-mers occur more often in one insert than in the other, the smaller number is used.
    """
    shares = np.empty(len(rows))
    marks = np.zeros((min(PAIRS, len(rows)), 4**WORD + 1), bool)
    for start in range(0, len(rows), PAIRS):
        pairs = slice(start, start + PAIRS)
        words, others_words = _words(one, rows[pairs]), _words(other, others[pairs])
        common = np.minimum(_held(marks, words, others_words), _held(marks, others_words, words))
        shorter = np.minimum(_sizes(one, rows[pairs]), _sizes(other, others[pairs]))
        shares[pairs] = common / np.maximum(shorter - WORD + 1, 1)
    return shares


def _sizes(inserts: Inserts, rows: np.ndarray) -> np.ndarray:
    return inserts.stops[rows] - inserts.starts[rows]


def _words(inserts: Inserts, rows: np.ndarray) -> np.ndarray:
    """Returns the 8-mers of the inserts in the given rows as indices into a flat table, int64 (n, columns).

    The table has one row for each element of `rows`, and one column for each 8-mer. The last column is for 8-mers with unknown bases.
    """
    words, unknown = canonical_kmers(_codes(inserts, rows), WORD)
    cells = words.astype(np.int64)
    cells[unknown] = 4**WORD
    return cells + np.arange(len(rows))[:, None] * (4**WORD + 1)


def _held(marks: np.ndarray, words: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Counts the 8-mers in `words` that are also in the same row of `others`, int (n,).

    All elements of `marks` must be False before the call, and are False again after the call.
    """
    flat = marks.reshape(-1)
    flat[others] = True
    marks[:, -1] = False
    count = flat[words].sum(1)
    flat[others] = False
    return count


def _codes(inserts: Inserts, rows: np.ndarray) -> np.ndarray:
    """Returns the base codes of the inserts in the given rows, uint8 (n, columns). Bases outside the inserts have the code `NO_BASE`."""
    starts, stops = inserts.starts[rows], inserts.stops[rows]
    first = int(starts.min())
    codes = BASE_INDEX[inserts.letters[rows, first : int(stops.max())]]
    columns = np.arange(first, first + codes.shape[1], dtype=np.int32)
    codes[(columns < starts[:, None]) | (columns >= stops[:, None])] = NO_BASE
    return codes


def _stretch(inserts: Inserts) -> int:
    """Returns the length of the stretch that two candidates must share.

    The length is a third of the median length of the inserts, but at least 16 and at most 26 bases. If two bases of an insert are
    changed, at least one stretch of about a third of the insert is unchanged.
    """
    sizes = inserts.stops - inserts.starts
    return int(np.clip(np.median(sizes) // 3, SEED, LONGEST)) if len(sizes) else LONGEST


def _parts(inserts: Inserts, stretch: int) -> int:
    """Returns the number of parts into which the minimisers are divided, such that each part fits in memory."""
    expected = np.maximum(inserts.stops - inserts.starts - SEED, 1).sum(dtype=np.int64) * 2 // (stretch - SEED + 2)
    return int(-(-expected // SEEDS)) or 1


def _seeds(inserts: Inserts, rows: np.ndarray, stretch: int, parts: int) -> Iterator[np.ndarray]:
    """Divides the minimisers into `parts` parts and yields the sorted seeds of each part, uint64 (m,).

    A seed consists of the hash of a minimiser, in the upper 32 bits, and the index of its sequence in `rows`, in the lower 32 bits.
    """
    for part in range(parts):
        found = [np.empty(0, np.uint64)]
        for start in range(0, len(rows), CHUNK):
            index = rows[start : start + CHUNK]
            codes = _codes(inserts, index)
            offset = int(inserts.starts[index].min())
            owners, values = minimisers(codes, inserts.starts[index] - offset, inserts.stops[index] - offset, stretch)
            seeds = values.astype(np.uint64) << HALF | (owners + start).astype(np.uint64)
            found.append(seeds[values % parts == part] if parts > 1 else seeds)
        seeds = np.concatenate(found)
        del found
        seeds.sort()
        yield seeds


def _leaders(inserts: Inserts, rows: np.ndarray) -> np.ndarray:
    """Returns, for each sequence, the index in `rows` of the first sequence of its family, int64 (n,)."""
    parent, stretch = np.arange(len(rows)), _stretch(inserts)
    for seeds in _seeds(inserts, rows, stretch, _parts(inserts, stretch)):
        for distance in range(1, COMPARED + 1):
            same = _neighbours(seeds, distance)
            for start in range(0, len(same), BLOCK):
                first = same[start : start + BLOCK]
                ones, others = _pairs(seeds[first], seeds[first + distance])
                apart = _root(parent, ones) != _root(parent, others)
                ones, others = ones[apart], others[apart]
                near = similarity(inserts, rows[ones], inserts, rows[others]) >= NEAR
                _join(parent, ones[near], others[near])
    return _root(parent, np.arange(len(rows)))


def _neighbours(seeds: np.ndarray, distance: int) -> np.ndarray:
    """Returns the index of each seed whose minimiser equals that of the seed `distance` places later, int64 (m,)."""
    places = np.flatnonzero(seeds[distance:] >> HALF == seeds[:-distance] >> HALF)
    values = seeds[places] >> HALF
    crowded = np.zeros(len(places), bool)
    within = places + CROWD < len(seeds)
    crowded[within] = seeds[places[within] + CROWD] >> HALF == values[within]
    # Seeds whose minimiser is shared by more than `CROWD` sequences are compared with only one other seed, at a
    # distance that differs between minimisers. Similar sequences share several minimisers, so they are still compared with several others.
    return places[~crowded | (values % COMPARED + 1 == distance)]


def _pairs(ones: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct pairs of sequence indices from two arrays of seeds, as two int64 arrays.

    The lower 32 bits of a seed are the index of a sequence.
    """
    pairs = np.unique(ones << HALF | others & LOWER)
    return (pairs >> HALF).astype(np.int64), (pairs & LOWER).astype(np.int64)


def _join(parent: np.ndarray, ones: np.ndarray, others: np.ndarray) -> None:
    """Merges the families of the two sequences in each pair. The root of the merged family is the first of its sequences."""
    while len(ones):
        ones, others = _root(parent, ones), _root(parent, others)
        ones, others = np.minimum(ones, others), np.maximum(ones, others)
        apart = ones != others
        ones, others = ones[apart], others[apart]
        np.minimum.at(parent, others, ones)


def _root(parent: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns the first sequence of the family of each sequence in `places`, and shortens the paths in `parent`."""
    while True:
        above = parent[parent[places]]
        if np.array_equal(above, parent[places]):
            return above
        parent[places] = above
