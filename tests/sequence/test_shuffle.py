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
def test_dinucleotide_counts_ends_and_unknown_bases_are_kept(texts, seed):
    for text, other in zip(texts, shuffled(texts, seed=seed), strict=True):
        assert pairs(other) == pairs(text)
        assert (other[:1].upper(), other[-1:].upper()) == (text[:1].upper(), text[-1:].upper())
        assert [(i, c) for i, c in enumerate(other) if c in "NRn"] == [(i, c) for i, c in enumerate(text) if c in "NRn"]


@pytest.mark.parametrize("text", ["AACAGATTA", "ACACGTACA", "AAAACCCCA", "GATTACAGATC", "ACGTACCTGA"])
def test_all_orders_are_equally_likely(text):
    middle = {"".join(order) for order in itertools.permutations(text[1:-1])}
    possible = [order for order in (text[0] + inner + text[-1] for inner in middle) if pairs(order) == pairs(text)]
    n = 2000 * len(possible)
    found = Counter(shuffled([text] * n))
    assert set(found) == set(possible)
    chance = n / len(possible)
    statistic = sum((count - chance) ** 2 / chance for count in found.values())
    freedom = len(possible) - 1
    assert statistic < freedom + 4 * np.sqrt(2 * freedom)  # mean and standard deviation of the statistic if all orders are equally likely


def test_long_sequences_become_diverse():
    (text,) = ("".join(row) for row in np.random.default_rng(1).choice(list("ACGT"), (1, 200)))
    found = shuffled([text] * 50)
    assert len({text, *found}) == 51
    same = [np.mean([one == other for one, other in zip(text, row, strict=True)]) for row in found]
    assert max(same) < 0.5


@given(st.text("ACGTN", max_size=30), st.integers(0, 1000))
def test_shuffled_letters_keep_their_counts(text, seed):
    (other,) = shuffled([text], shuffle_letters, seed)
    assert Counter(other) == Counter(text)


def test_shuffled_letters_are_equally_likely_at_all_positions():
    found = Counter(shuffled(["AACG"] * 12_000, shuffle_letters))
    assert len(found) == 12
    assert max(found.values()) < 1150


@pytest.mark.parametrize("function", SHUFFLES)
def test_results_do_not_depend_on_batches(function):
    texts = ["ACGTTGCAACGTNACGATTTCA", "", "GGATCCGATTACA", "N", "acgtgtcacgt"]
    random = np.random.default_rng(5)
    apart = [function(Ragged.from_strings([text]), random)[0] for text in texts]
    assert apart == shuffled(texts, function, 5)
    assert apart != shuffled(texts, function, 6)


def test_results_do_not_depend_on_the_block_size(monkeypatch):
    texts = ["ACGTTGCAACGTNACGATTTCA", "GGATCCGATTACAGGGATC"] * 5
    whole = shuffled(texts)
    monkeypatch.setattr(shuffle, "AT_ONCE", 15)
    assert shuffled(texts) == whole


@pytest.mark.parametrize("function", SHUFFLES)
def test_the_input_is_not_changed(function):
    given_ = Ragged(np.frombuffer(b"ACGTTGCAACGTACGATTTCA", np.uint8).copy(), np.array([0, 21]))
    function(given_, np.random.default_rng(0))
    assert given_[0] == "ACGTTGCAACGTACGATTTCA"
    assert shuffled([], function) == []


def plain_shuffle(text, draws):
    """Shuffles a run of bases with a plain loop and one random number per base (docs/explanation/internals.md)."""
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
def test_results_equal_a_plain_loop(text, seed):
    assert shuffled([text], seed=seed) == [plain_shuffle(text, np.random.default_rng(seed).random(len(text)))]


def test_the_worked_example():
    assert plain_shuffle("AACAGA", [0.512, 0.950, 0.144, 0.949, 0.312, 0.423]) == "AAGACA"
    assert shuffled(["AACAGA"], seed=1) == ["AAGACA"]
