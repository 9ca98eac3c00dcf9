import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.design.candidates import Candidates, best_of_each, candidate_keys, empty_candidates, far_apart, joined

pools = st.lists(st.tuples(st.integers(0, 3), st.text("AC", min_size=4, max_size=4), st.integers(0, 9)), max_size=20)


def pool_of(rows):
    letters = np.array([list(text.encode()) for _, text, _ in rows], np.uint8).reshape(-1, 4)
    # Equal designs have equal objectives.
    objective = np.array([10 * score + text.count("A") for _, text, score in rows], float)
    return Candidates(np.array([owner for owner, _, _ in rows], np.int64), letters, objective, objective)


LENGTHS = np.array([4, 4, 3, 4])
"""Lengths of the inserts. Starts 0, 1 and 3 have the same length, so that their designs are compared."""


def apart(one, other):
    return sum(a != b for a, b in zip(one, other, strict=True))


def chosen_by_hand(rows, pool, number, distance, taken, *, across):
    kept, chosen = [], list(taken)
    for owner in sorted({owner for owner, _, _ in rows}):
        mine = []
        for row in sorted((row for row in range(len(rows)) if rows[row][0] == owner), key=lambda row: -pool.objective[row]):
            near = [text for other, text, _ in chosen if other == owner or (across and LENGTHS[other] == LENGTHS[owner])]
            if len(mine) < number and all(apart(rows[row][1], text) >= distance for text in near):
                mine.append(row)
                chosen.append(rows[row])
        kept += mine
    return kept


@given(pools, pools, st.integers(1, 4), st.integers(1, 4))
def test_designs_have_a_minimum_distance_from_better_and_earlier_ones_of_the_same_length(rows, taken, number, distance):
    found = far_apart(pool_of(rows), LENGTHS, number, distance, pool_of(taken))
    assert found.tolist() == chosen_by_hand(rows, pool_of(rows), number, distance, taken, across=True)


@given(pools, st.integers(1, 4))
def test_the_best_designs_of_each_start_are_distinct(rows, number):
    pool = pool_of(rows)
    assert best_of_each(pool, number).tolist() == chosen_by_hand(rows, pool, number, 1, (), across=False)


def test_joining_keeps_rows_and_order():
    pool = pool_of([(0, "AACC", 1), (1, "CCAA", 2)])
    together = joined([empty_candidates(4), pool, pool.select(np.array([1]))])
    assert together.owner.tolist() == [0, 1, 1]
    assert together.letters.tobytes() == b"AACCCCAACCAA"


def test_keys_distinguish_starts_and_designs():
    owner, letters = np.array([0, 1, 0, 0]), pool_of([(0, text, 0) for text in ("AACC", "AACC", "AACA", "AACC")]).letters
    keys = candidate_keys(owner, letters)
    assert keys[0] == keys[3]
    assert len(set(keys.tolist())) == 3
