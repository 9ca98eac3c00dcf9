"""Which sequences are nearly the same: copies with a few changed letters, shifted, reverse-complemented or between other flanks.

Two sequences are if at least half of the shorter one's 8-mers are in the other, too, on either strand. Candidates are
found by common minimisers and then compared, so none is taken to be similar that is not. Of random inserts of 80 letters,
copies with 1 or 2 changed letters are all found, with 3 99.8 %, with 4 98 %, with 5 87 %; of 200 letters, with up to 12.
"""

from collections.abc import Iterator

import numpy as np

from dreamkeras.data.splits.duplicates import strand_keys
from dreamkeras.data.splits.inserts import Inserts, constant_ends, find_inserts, without_ends
from dreamkeras.data.splits.kmers import SEED, canonical_kmers, minimisers
from dreamkeras.sequence.alphabet import BASE_INDEX, NO_BASE
from dreamkeras.sequence.construct import Construct

__all__ = ["NEAR", "family_keys", "found_near", "similarity"]

NEAR = 0.5
"""Share of common 8-mers from which on sequences are nearly the same: up to 4 changed letters of 80, or 12 of 200."""

WORD = 8

LONGEST = 26
"""Most letters in common that candidates need, however long they are."""

CHUNK = 2048
"""Sequences whose k-mers are made at a time, for the processor's cache."""

PAIRS = 256
"""Pairs compared at a time: each takes a table of 64 KB."""

SEEDS = 2**24
"""Minimisers in memory at a time: 128 MB, and as much again while they are gathered."""

COMPARED = 8
"""Sequences of those with the same minimiser that each is compared with."""

CROWD = 32
"""Sequences with the same minimiser from which on each is compared with one of them: it is in a repeat, or all are alike."""

BLOCK = 2**20
"""Candidates in memory at a time."""

HALF, LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


def family_keys(letters: np.ndarray, lengths: np.ndarray | None = None, construct: Construct | None = None) -> np.ndarray:
    """uint64 (n,): a key of each window, equal for all that are the same or nearly the same, and for those nearly the same as these.

    A sequence without relatives has its `duplex_keys` key, whose arguments these are. Families do not depend on the order of the
    windows; neither adapters, flanks nor constant ends make sequences alike.
    """
    inserts = find_inserts(letters, lengths, construct)
    inserts = without_ends(inserts, constant_ends(inserts))
    given, turned = strand_keys(inserts)
    keys, rows, which = np.unique(given + turned, return_index=True, return_inverse=True)
    return keys[_leaders(inserts, rows)][which]


def found_near(known: Inserts, asked: Inserts) -> np.ndarray:
    """bool (n,): whether each of the n sequences asked about is nearly the same as a known one."""
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
            # Of many known ones, each sequence meets others.
            turn = ((wanted[left] & LOWER).astype(np.int64) + step) % count[left]
            rows, others = _pairs(wanted[left], seeds[first[left] + turn])
            found[rows[similarity(asked, rows, known, others) >= NEAR]] = True
    return found


def similarity(one: Inserts, rows: np.ndarray, other: Inserts, others: np.ndarray) -> np.ndarray:
    """The share of the shorter insert's 8-mers that are in both inserts of each pair.

    Args:
        one: The first insert of each pair is
        rows: int (pairs,), one of these rows of it.
        other: The second is
        others: int (pairs,), one of these rows of it.

    Returns:
        float64 (pairs,), 0 to 1; a repeated 8-mer counts as often as it occurs in the insert with fewer of it.
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
    """int64 (n, columns), the 8-mers of these rows, as cells of a flat table with a row for each; the last is of unknown ones."""
    words, unknown = canonical_kmers(_codes(inserts, rows), WORD)
    cells = words.astype(np.int64)
    cells[unknown] = 4**WORD
    return cells + np.arange(len(rows))[:, None] * (4**WORD + 1)


def _held(marks: np.ndarray, words: np.ndarray, others: np.ndarray) -> np.ndarray:
    """int (n,): how many of `words` are among the `others` of their row; `marks` is all False before and after."""
    flat = marks.reshape(-1)
    flat[others] = True
    marks[:, -1] = False
    count = flat[words].sum(1)
    flat[others] = False
    return count


def _codes(inserts: Inserts, rows: np.ndarray) -> np.ndarray:
    """uint8 (n, columns), codes of the inserts in these rows; unknown what is no insert's."""
    starts, stops = inserts.starts[rows], inserts.stops[rows]
    first = int(starts.min())
    codes = BASE_INDEX[inserts.letters[rows, first : int(stops.max())]]
    columns = np.arange(first, first + codes.shape[1], dtype=np.int32)
    codes[(columns < starts[:, None]) | (columns >= stops[:, None])] = NO_BASE
    return codes


def _stretch(inserts: Inserts) -> int:
    """Letters in common by which candidates are sure to be found: what two changes leave of most inserts, but no more than 26."""
    sizes = inserts.stops - inserts.starts
    return int(np.clip(np.median(sizes) // 3, SEED, LONGEST)) if len(sizes) else LONGEST


def _parts(inserts: Inserts, stretch: int) -> int:
    """How many times minimisers are gone through, so that each time fits in memory."""
    expected = np.maximum(inserts.stops - inserts.starts - SEED, 1).sum(dtype=np.int64) * 2 // (stretch - SEED + 2)
    return int(-(-expected // SEEDS)) or 1


def _seeds(inserts: Inserts, rows: np.ndarray, stretch: int, parts: int) -> Iterator[np.ndarray]:
    """uint64 (m,), `parts` times: minimiser and place in `rows` of every sequence, 32 bits each, ascending."""
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
    """int64 (n,): the first of each sequence's family, all as places in `rows`."""
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
    """int64 (m,): the first of each two seeds at this distance that have the same minimiser."""
    places = np.flatnonzero(seeds[distance:] >> HALF == seeds[:-distance] >> HALF)
    values = seeds[places] >> HALF
    crowded = np.zeros(len(places), bool)
    within = places + CROWD < len(seeds)
    crowded[within] = seeds[places[within] + CROWD] >> HALF == values[within]
    # Each crowd at a distance of its own, so that all of them together connect what is alike.
    return places[~crowded | (values % COMPARED + 1 == distance)]


def _pairs(ones: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 each: the places in the lower halves of seeds, each pair of them once."""
    pairs = np.unique(ones << HALF | others & LOWER)
    return (pairs >> HALF).astype(np.int64), (pairs & LOWER).astype(np.int64)


def _join(parent: np.ndarray, ones: np.ndarray, others: np.ndarray) -> None:
    """Makes one family of each pair's two, under the first of both."""
    while len(ones):
        ones, others = _root(parent, ones), _root(parent, others)
        ones, others = np.minimum(ones, others), np.maximum(ones, others)
        apart = ones != others
        ones, others = ones[apart], others[apart]
        np.minimum.at(parent, others, ones)


def _root(parent: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The first of the family of each place, to which they then point straight."""
    while True:
        above = parent[parent[places]]
        if np.array_equal(above, parent[places]):
            return above
        parent[places] = above
