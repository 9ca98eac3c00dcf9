import numpy as np
import pytest
from function_scorer import FunctionScorer
from hypothesis import given
from hypothesis import strategies as st
from searches import search_from, texts_of
from weight_sum import PLAIN, WeightSum

from dreamkeras.design.stepwise import beam, greedy
from dreamkeras.sequence.alphabet import BASES

starts = st.lists(st.text(BASES, min_size=2, max_size=12), min_size=1, max_size=4)


def optimum(start, weights, edits=None):
    """Finds the best insert of a weight sum in plain Python: the edits with the highest gains, each at a separate position."""
    gains = []
    for position, letter in enumerate(start):
        row = weights[position, :, 0]
        gains.append((row.max() - row[BASES.index(letter)], position, BASES[int(row.argmax())]))
    best = list(start)
    for gain, position, base in sorted(gains, reverse=True)[:edits]:
        best[position] = base if gain > 0 else best[position]
    return "".join(best)


@given(starts, st.sampled_from([None, 1, 3]))
def test_greedy_finds_the_optimum_of_a_weight_sum(inserts, edits):
    predictor = WeightSum()
    search = search_from(inserts, predictor, fields={} if edits is None else {"max_edits": edits})
    greedy(search)
    assert texts_of(search, search.best) == [optimum(insert, predictor.weights, edits) for insert in inserts]


@given(starts)
def test_beam_finds_the_optimum_of_a_weight_sum(inserts):
    predictor = WeightSum()
    search = search_from(inserts, predictor)
    beam(search, 2)
    assert texts_of(search, search.best) == [optimum(insert, predictor.weights) for insert in inserts]


def test_each_step_of_greedy_search_is_the_best_single_edit():
    predictor = WeightSum()
    search = search_from(["ACGTACGTACGT"], predictor)
    greedy(search)
    values = [float(step.best[0]) for step in search.steps]
    gains = np.sort((predictor.weights.max(axis=1) - predictor.weights[np.arange(12), np.arange(12) % 4][:, [0]])[:, 0])[::-1]
    np.testing.assert_allclose(np.diff(values)[: (gains > 0).sum()], gains[gains > 0], atol=1e-5)
    assert [int(step.edits[0]) for step in search.steps[:3]] == [0, 1, 2]


def test_greedy_search_stops_for_a_start_without_improvement():
    predictor = WeightSum()
    best = optimum("A" * 12, predictor.weights)
    worst = "".join(BASES[row.argmin()] for row in predictor.weights[:, :, 0])
    search = search_from([best, worst], predictor)
    greedy(search)
    assert [step.owner.tolist() for step in search.steps[:3]] == [[0, 1], [0, 1], [1]]


def pairs(letters):
    """Two A in a pair of positions increase the prediction. A single A decreases it, and G and T decrease it more."""
    is_a, is_c = letters == ord("A"), letters == ord("C")
    return 5 * (is_a[:, ::2] & is_a[:, 1::2]).sum(axis=1) - is_a.sum(axis=1) - 2 * (~is_a & ~is_c).sum(axis=1)


@pytest.mark.parametrize("width", [1, 2, 8])
def test_beam_is_at_least_as_good_as_greedy_with_interacting_letters(width):
    stuck, wide = (search_from(["C" * 12], FunctionScorer(pairs, PLAIN)) for _ in range(2))
    greedy(stuck)
    beam(wide, width)
    assert stuck.best.objective[0] == 0
    assert wide.best.objective[0] == 6 * 3  # all six pairs
    assert texts_of(wide) == ["A" * 12]


@given(st.integers(0, 20))
def test_beam_is_at_least_as_good_as_greedy_on_random_interactions(seed):
    table = np.random.default_rng(seed).normal(size=(11, 256, 256))

    def neighbours(letters):
        return table[np.arange(11), letters[:, :-1], letters[:, 1:]].sum(axis=1)

    found = []
    for way in (greedy, lambda search: beam(search, 16)):
        search = search_from(["ACGTACGTACGT"], FunctionScorer(neighbours, PLAIN))
        way(search)
        found.append(search.best.objective[0])
    assert found[1] >= found[0]


def test_beam_stops_for_a_start_without_improvement():
    search = search_from(["CCCC", "GGGG"], FunctionScorer(lambda letters: np.zeros(len(letters)), PLAIN))
    beam(search, 4)
    assert len(search.steps) == 1 + 3


@pytest.mark.parametrize("way", [greedy, lambda search: beam(search, 3)])
def test_a_value_is_reached(way):
    search = search_from(["CCCCCCCC"], FunctionScorer(lambda letters: (letters == ord("A")).sum(axis=1), PLAIN), target=5.0)
    way(search)
    assert search.best.value[0] == 5


def test_greedy_tries_proposed_designs_only():
    def first_position(search, members):
        letters = members.letters.copy()
        letters[:, 0] = ord("A")
        return members.owner, letters

    search = search_from(["CCCC"], FunctionScorer(lambda letters: (letters == ord("A")).sum(axis=1), PLAIN))
    greedy(search, first_position)
    assert texts_of(search) == ["ACCC"]
