import numpy as np
import pytest
from function_scorer import FunctionScorer
from searches import search_from, texts_of
from weight_sum import PLAIN, WeightSum

from dreamkeras.design.candidates import joined
from dreamkeras.design.evolution import _children, _parents, evolution


def evolved(starts, predictor, seed=0, population=20, **choices):
    search = search_from(starts, predictor, **choices)
    evolution(search, population, np.random.default_rng(seed))
    return search


def test_designs_depend_on_the_seed():
    one, same, other = (texts_of(evolved(["ACGTACGTACGT"] * 2, WeightSum(), seed, steps=4, kept=5)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_the_best_objective_never_decreases_and_approaches_the_optimum():
    predictor = WeightSum()
    worst = "".join("ACGT"[row.argmin()] for row in predictor.weights[:, :, 0])
    search = evolved([worst], predictor, steps=60)
    best = [float(step.best[0]) for step in search.steps]
    assert (np.diff(best) >= 0).all()
    lowest, highest = predictor.weights.min(axis=1).sum(), predictor.weights.max(axis=1).sum()
    assert best[-1] > lowest + 0.95 * (highest - lowest)


def test_populations_of_starts_are_separate():
    search = evolved(["AAAACCCC", "GGGGTTTT"], FunctionScorer(lambda letters: np.zeros(len(letters)), PLAIN), steps=3, kept=40)
    edits = search.rules.edits(search.found.owner, search.found.letters)
    assert edits.max() < 8
    assert set(search.found.owner.tolist()) == {0, 1}


def test_half_of_the_children_have_letters_of_two_parents():
    search = search_from(["A" * 12], FunctionScorer(lambda letters: np.zeros(len(letters)), PLAIN))
    one = search.begin()
    members = joined([one, one._replace(letters=np.full_like(one.letters, ord("C")))])
    owner, letters = _children(search, members, 2000, np.random.default_rng(0))
    counts = np.stack([(letters == ord(base)).sum(axis=1) for base in "AC"])
    # Half of the children have two parents, and 3/8 of these have two different ones, because each is the better of two draws. 41 % of
    # the latter have at least four letters of each parent. Without mutations, this is 8 % of all children.
    mixed = (counts >= 4).all(axis=0).mean()
    assert len(owner) == 2000
    assert 0.05 < mixed < 0.11


def test_parents_win_a_tournament_of_two():
    search = search_from(["A" * 12], FunctionScorer(lambda letters: np.zeros(len(letters)), PLAIN))
    one = search.begin()
    members = joined([one._replace(letters=np.full_like(one.letters, ord(base))) for base in "ACGT"])
    drawn = _parents(members, np.zeros(40_000, np.int64), np.random.default_rng(0))[:, 0]
    # Probabilities of the better of two draws with replacement among four members, best first.
    shares = [(drawn == ord(base)).mean() for base in "ACGT"]
    np.testing.assert_allclose(shares, [7 / 16, 5 / 16, 3 / 16, 1 / 16], atol=0.01)


@pytest.mark.parametrize("edits", [1, 3])
def test_edits_do_not_exceed_the_maximum(edits):
    search = evolved(["ACGTACGTACGT"], WeightSum(), steps=8, kept=20, fields={"max_edits": edits})
    assert search.rules.edits(search.found.owner, search.found.letters).max() == edits


def test_a_population_without_possible_children_stops():
    search = evolved(["ACACACACACAC"], WeightSum(), fields={"gc": [50, 50], "homopolymer": 1, "forbid": ["G"], "max_edits": 1})
    assert len(search.steps) == 1


def test_each_step_tries_the_same_number_of_children_per_start():
    search = evolved(["ACGTACGTACGT", "GGCCTTAA"], WeightSum(), steps=3, population=7)
    assert [step.tried.tolist() for step in search.steps] == [[1, 1], [7, 7], [7, 7], [7, 7]]
