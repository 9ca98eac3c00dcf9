import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.sequence import shuffle
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.shuffle import shuffle_dinucleotides, shuffle_letters

SHUFFLES = [shuffle_dinucleotides, shuffle_letters]


def shuffled(texts, function=shuffle_dinucleotides, seed=0):
    result = function(Ragged.from_strings(texts), np.random.default_rng(seed))
    return [result[i] for i in range(len(result))]


def pairs(text):
    return Counter(itertools.pairwise(text.upper()))


@given(st.lists(st.text("ACGTacgtNRn", max_size=40), max_size=6), st.integers(0, 1000))
def test_counts_of_neighbours_ends_and_unknown_letters_stay(texts, seed):
    for text, other in zip(texts, shuffled(texts, seed=seed), strict=True):
        assert pairs(other) == pairs(text)
        assert (other[:1].upper(), other[-1:].upper()) == (text[:1].upper(), text[-1:].upper())
        assert [(i, c) for i, c in enumerate(other) if c in "NRn"] == [(i, c) for i, c in enumerate(text) if c in "NRn"]


@pytest.mark.parametrize("text", ["AACAGATTA", "ACACGTACA", "AAAACCCCA", "GATTACAGATC", "ACGTACCTGA"])
def test_every_order_with_these_counts_is_equally_likely(text):
    middle = {"".join(order) for order in itertools.permutations(text[1:-1])}
    possible = [order for order in (text[0] + inner + text[-1] for inner in middle) if pairs(order) == pairs(text)]
    n = 2000 * len(possible)
    found = Counter(shuffled([text] * n))
    assert set(found) == set(possible)
    chance = n / len(possible)
    statistic = sum((count - chance) ** 2 / chance for count in found.values())
    freedom = len(possible) - 1
    assert statistic < freedom + 4 * np.sqrt(2 * freedom)  # its mean and standard deviation, if all are equally likely


def test_long_sequences_become_diverse():
    (text,) = ("".join(row) for row in np.random.default_rng(1).choice(list("ACGT"), (1, 200)))
    found = shuffled([text] * 50)
    assert len({text, *found}) == 51
    same = [np.mean([one == other for one, other in zip(text, row, strict=True)]) for row in found]
    assert max(same) < 0.5


@given(st.text("ACGTN", max_size=30), st.integers(0, 1000))
def test_letters_alone_keep_their_counts(text, seed):
    (other,) = shuffled([text], shuffle_letters, seed)
    assert Counter(other) == Counter(text)


def test_letters_alone_are_equally_likely_anywhere():
    found = Counter(shuffled(["AACG"] * 12_000, shuffle_letters))
    assert len(found) == 12
    assert max(found.values()) < 1150


@pytest.mark.parametrize("function", SHUFFLES)
def test_a_seed_gives_the_same_whether_sequences_come_together_or_one_by_one(function):
    texts = ["ACGTTGCAACGTNACGATTTCA", "", "GGATCCGATTACA", "N", "acgtgtcacgt"]
    random = np.random.default_rng(5)
    apart = [function(Ragged.from_strings([text]), random)[0] for text in texts]
    assert apart == shuffled(texts, function, 5)
    assert apart != shuffled(texts, function, 6)


def test_pieces_that_are_shuffled_apart_are_the_same(monkeypatch):
    texts = ["ACGTTGCAACGTNACGATTTCA", "GGATCCGATTACAGGGATC"] * 5
    whole = shuffled(texts)
    monkeypatch.setattr(shuffle, "AT_ONCE", 15)
    assert shuffled(texts) == whole


@pytest.mark.parametrize("function", SHUFFLES)
def test_what_was_given_stays_as_it_was(function):
    given_ = Ragged(np.frombuffer(b"ACGTTGCAACGTACGATTTCA", np.uint8).copy(), np.array([0, 21]))
    function(given_, np.random.default_rng(0))
    assert given_[0] == "ACGTTGCAACGTACGATTTCA"
    assert shuffled([], function) == []


def plain_shuffle(text, draws):
    """Dinucleotide shuffle of one run of bases, letter by letter; one draw a letter (docs/explanation/internals.md)."""
    steps = [(place, here, there) for place, (here, there) in enumerate(itertools.pairwise(text))]
    end, others = text[-1], [base for base in "ACGT" if base != text[-1]]
    trees = []
    for exits in itertools.product("ACGT", repeat=3):
        exit_of = dict(zip(others, exits, strict=True))
        weight = 1
        for base in others:
            leaving = [there for _, here, there in steps if here == base]
            weight *= leaving.count(exit_of[base]) if leaving else exit_of[base] == end
            reached = base
            for _ in range(4):
                reached = exit_of.get(reached, end)
            weight *= reached == end
        trees.append((exit_of, weight))
    threshold = draws[-1] * sum(weight for _, weight in trees)
    totals = itertools.accumulate(weight for _, weight in trees)
    exit_of = next(tree for (tree, _), total in zip(trees, totals, strict=True) if total > threshold)
    queues = {}
    for base in "ACGT":
        leaving = [(place, there) for place, here, there in steps if here == base]
        last = next((step for step in leaving if base != end and step[1] == exit_of[base]), None)
        queues[base] = [there for place, there in sorted(leaving, key=lambda step: (step == last, draws[step[0]]))]
    walk = [text[0]]
    while len(walk) < len(text):
        walk.append(queues[walk[-1]].pop(0))
    return "".join(walk)


@given(st.text("ACGT", min_size=1, max_size=60), st.integers(0, 1000))
def test_agrees_with_a_plain_walk(text, seed):
    assert shuffled([text], seed=seed) == [plain_shuffle(text, np.random.default_rng(seed).random(len(text)))]


def test_the_worked_example():
    assert plain_shuffle("AACAGA", [0.512, 0.950, 0.144, 0.949, 0.312, 0.423]) == "AAGACA"
    assert shuffled(["AACAGA"], seed=1) == ["AAGACA"]
