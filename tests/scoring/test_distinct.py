import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_models import TOY

from dreamkeras.scoring.distinct import DistinctScorer, distinct_rows, window_keys

WORDS = st.lists(st.text("ACG", min_size=3, max_size=3), max_size=12)


class Counter:
    """Scorer that returns the letters of each window as a number, and the number of calls up to and including this one."""

    constructs = (TOY,)
    predicted_columns = ("letters", "calls")

    def __init__(self):
        self.asked = []

    def score_windows(self, windows, batch_size=0, progress=None):
        self.asked.append([row.tobytes() for row in windows[0]])
        if progress and len(windows[0]):
            progress(len(windows[0]))
        return np.array([[int.from_bytes(row[:3].tobytes(), "big"), len(self.asked)] for row in windows[0]], np.float32).reshape(-1, 2)


def letters_of(words, length=12):
    return np.frombuffer("".join(word.ljust(length, "N") for word in words).encode(), np.uint8).reshape(len(words), length)


def rows_of(words):
    """`distinct_rows` of words of one length."""
    windows = [np.frombuffer(b"".join(words), np.uint8).reshape(len(words), -1)]
    return distinct_rows(windows, window_keys(windows))


@given(st.lists(WORDS.filter(len), max_size=5), st.integers(0, 6))
def test_values_are_those_of_the_scorer_and_no_batch_contains_duplicates(batches, kept):
    counter, told = Counter(), []
    scorer = DistinctScorer(counter, kept * 12)
    for words in batches:
        values = scorer.score([letters_of(words)], progress=told.append)
        assert values[:, 0].tolist() == [int.from_bytes(word.encode(), "big") for word in words]
    assert sum(told) == sum(map(len, batches))
    assert all(len(asked) == len(set(asked)) for asked in counter.asked)


@given(st.lists(WORDS.filter(len), max_size=5))
def test_no_window_is_scored_twice_if_the_buffer_is_large_enough(batches):
    counter = Counter()
    scorer = DistinctScorer(counter)
    for words in batches:
        scorer.score([letters_of(words)])
    asked = [row[:3].decode() for rows in counter.asked for row in rows]
    assert asked == list(dict.fromkeys(word for words in batches for word in words))


def test_the_oldest_windows_are_dropped_first():
    counter = Counter()
    scorer = DistinctScorer(counter, 3 * 12)
    for words in (["AAA", "CCC"], ["GGG", "TTT"], ["CCC", "GGG", "AAA"]):
        scorer.score([letters_of(words)])
    assert [row[:3] for row in counter.asked[-1]] == [b"AAA"]


def test_distinct_rows_with_the_same_key_are_all_scored(monkeypatch):
    monkeypatch.setattr("dreamkeras.scoring.distinct.window_keys", lambda windows: np.zeros(len(windows[0]), np.uint64))
    counter = Counter()
    scorer = DistinctScorer(counter)
    for words in (["AAA", "CCC", "AAA"], ["CCC", "AAA", "CCC"]):
        assert scorer.score([letters_of(words)])[:, 1].tolist() == [len(counter.asked)] * 3
    assert scorer.score([letters_of(["AAA"])])[0, 1] == 3
    assert scorer.score([letters_of(["CCC"])])[0, 1] == 4  # has the key of a kept window, but other letters


@given(st.lists(st.tuples(st.text("ACG", min_size=9, max_size=9), st.sampled_from(["AC", "GT"])), min_size=1, max_size=12))
def test_agrees_with_a_dictionary(pairs):
    windows = [np.array([list(pair[side].encode()) for pair in pairs], np.uint8) for side in (0, 1)]
    wanted = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    first, places = distinct_rows(windows, window_keys(windows))
    assert [pairs[i] for i in first] == list(wanted)
    assert places.tolist() == [wanted[pair] for pair in pairs]


def test_rows_that_differ_in_one_letter_are_distinct():
    letters = np.full((151, 150), ord("A"), np.uint8)
    letters[np.arange(150), np.arange(150)] = ord("C")
    assert rows_of(list(map(bytes, letters)))[1].tolist() == list(range(151))
    assert rows_of(list(map(bytes, letters[[0, 1, 0, 150]])))[1].tolist() == [0, 1, 0, 2]


def test_all_single_mutants_of_many_sequences_have_distinct_keys():
    """If words are not mixed well before they are summed, changes of the last letters of two words give the same key."""
    codes = np.random.default_rng(0).integers(0, 4, (200, 150))
    mutants = np.repeat(codes[:, None], 450, axis=1)
    mutants[:, np.arange(450), np.repeat(np.arange(150), 3)] += np.tile([1, 2, 3], 150)
    letters = np.frombuffer(b"ACGT", np.uint8)[mutants % 4].reshape(-1, 150)
    assert len(np.unique(window_keys([letters]))) == len(letters) == 90_000


def test_keys_depend_on_the_order_of_words():
    """Plain sums of words would be equal."""
    words = [b"ACGTACGT", b"TTTTTTTT", b"GGGGGGGG"]
    rows = [b"".join(words[i] for i in order) for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1))]
    assert rows_of(rows)[1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("length", [110, 2114])
def test_takes_a_small_part_of_the_time_for_scoring(length):
    """A model takes at least 20 microseconds per window."""
    letters = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (8192, length))
    began = time.process_time()
    first, _ = distinct_rows([letters], window_keys([letters]))
    assert time.process_time() - began < 8192 * 20e-6 * (length / 110) * 0.5
    assert len(first) == 8192


def test_the_buffer_holds_8_mib_of_windows():
    counter, windows = Counter(), np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (2**23 // 12 + 1000, 12))
    windows = np.unique(windows, axis=0)
    DistinctScorer(counter).score([windows])
    scorer = DistinctScorer(counter)
    assert sum(part.nbytes for part in scorer._windows) == 2**23 // 12 * 12
