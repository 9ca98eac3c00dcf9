import numpy as np
import pytest
from function_scorer import FunctionScorer
from keras_arrays import array
from linear_network import convolutional_network, linear_network
from searches import search_from, texts_of

from dreamkeras.design.candidates import joined
from dreamkeras.design.edits import single_edits
from dreamkeras.design.goal import settle_goal
from dreamkeras.design.stepwise import all_edits, greedy
from dreamkeras.errors import InputError, ModelError
from dreamkeras.models.gradient_edits import GradientEdits
from dreamkeras.models.strand_mean import StrandMean
from dreamkeras.sequence.task_scale import TaskScale

STARTS = ("GATTACAGGA", "TTGACGTC")


def scorer_of(*networks):
    """Returns a scorer with the mean prediction of the networks after export."""

    def mean(letters):
        return np.mean([array(StrandMean(network)(letters)["expression"]) for network in networks], axis=0)

    return FunctionScorer(mean, networks[0].construct, tuple(networks[0].tasks))


@pytest.fixture(scope="module")
def linear():
    return linear_network(tasks=1)


def begun(scorer, starts=STARTS, target="max", **choices):
    search = search_from(starts, scorer, target, **choices)
    return search, search.begin()


def test_estimates_are_exact_for_a_linear_network(linear):
    scorer = scorer_of(linear)
    search, members = begun(scorer)
    source, letters = single_edits(members.letters, search.rules.editable)
    values = scorer.score_windows(search.starts.windows(source, letters))[:, 0]
    changes = GradientEdits([linear], search.goal).changes(search, members)
    columns, bases = (letters != members.letters[source]).argmax(axis=1), np.searchsorted(list(b"ACGT"), letters)
    estimates = changes[source, columns, bases[np.arange(len(columns)), columns]]
    np.testing.assert_allclose(estimates, values - members.value[source], atol=1e-5)


def test_estimates_for_a_difference_of_tasks():
    network = linear_network(tasks=2)
    scorer = scorer_of(network)
    search = search_from(
        STARTS, FunctionScorer(lambda letters: scorer.function(letters)[:, :1] - scorer.function(letters)[:, 1:], network.construct)
    )
    goal = settle_goal(scorer, "max", "a", "b")
    together = GradientEdits([network], goal).changes(search, search.begin())
    alone = [GradientEdits([network], settle_goal(scorer, "max", task)).changes(search, search.begin()) for task in "ab"]
    np.testing.assert_allclose(together, alone[0] - alone[1], atol=1e-6)


@pytest.mark.parametrize("minus", [None, "b"])
def test_estimates_for_transformed_tasks_are_in_the_unit_of_the_table(minus):
    network = linear_network(tasks=2).with_options(scales=(TaskScale(transform="log2"), TaskScale("counts")))
    scorer = scorer_of(network)
    goal = settle_goal(scorer, "max", "a", minus)
    reached = FunctionScorer(lambda letters: goal.values(scorer.function(letters))[:, None], network.construct)
    search = search_from(STARTS, reached)
    members = search.begin()
    source, letters = single_edits(members.letters, search.rules.editable)
    values = reached.score_windows(search.starts.windows(source, letters))[:, 0]
    columns, bases = (letters != members.letters[source]).argmax(axis=1), np.searchsorted(list(b"ACGT"), letters)
    estimates = GradientEdits([network], goal).changes(search, members)[source, columns, bases[np.arange(len(columns)), columns]]
    np.testing.assert_allclose(estimates, values - members.value[source], rtol=1e-3, atol=1e-4)


def test_proposals_are_the_best_single_edits_and_then_their_combinations(linear):
    search, members = begun(scorer_of(linear), STARTS[:1])
    found = search.step(*GradientEdits([linear], search.goal, proposals=5)(search, members))
    every = search.step(*all_edits(search, members))
    best = np.sort(every.value)[::-1][:5]
    np.testing.assert_allclose(found.value[:5], best, atol=1e-5)
    edits = search.rules.edits(found.owner, found.letters)
    assert edits.tolist() == [1] * 5 + [2, 4, 8, 10]
    assert found.value[7] > found.value[5]


def test_greedy_search_with_gradients_finds_the_optimum_with_fewer_predictions(linear):
    many, few = (search_from(STARTS, scorer_of(linear)) for _ in range(2))
    greedy(many)
    greedy(few, GradientEdits([linear], few.goal))
    assert texts_of(few) == texts_of(many)
    tried = [sum(int(step.tried.sum()) for step in search.steps) for search in (few, many)]
    assert tried[0] < tried[1] / 2


def test_only_edits_that_improve_the_prediction_are_accepted():
    network = convolutional_network()
    search = search_from(["GATTACAGGA"], scorer_of(network), kept=1)
    greedy(search, GradientEdits([network], search.goal))
    best = [float(step.best[0]) for step in search.steps]
    assert best[-1] > best[0]
    assert (np.diff(best[:-1]) > 0).all()
    assert search.steps[-1].tried[0] <= 20


def test_edits_that_violate_a_constraint_are_not_proposed(linear):
    fields = {"fixed": ["1-4"], "forbid": ["CC", "AAA"], "gc": [30, 60]}
    search, members = begun(scorer_of(linear), STARTS[:1], fields=fields)
    owner, letters = GradientEdits([linear], search.goal, proposals=6)(search, members)
    assert search.rules.allowed(owner, letters)[:6].all()
    assert (
        letters[:, search.starts.first : search.starts.first + 4] == members.letters[:, search.starts.first : search.starts.first + 4]
    ).all()


def test_a_target_value_is_approached(linear):
    scorer = scorer_of(linear)
    wanted = float(scorer.predict(STARTS[:1])[0, 0]) + 1
    search, _ = begun(scorer, STARTS[:1], target=wanted)
    greedy(search, GradientEdits([linear], search.goal))
    assert abs(search.best.value[0] - wanted) < 0.1


def test_the_estimates_of_an_ensemble_are_the_mean_of_its_members(linear):
    other = linear_network(tasks=1, seed=1)
    search, members = begun(scorer_of(linear, other))
    together, *alone = (GradientEdits(networks, search.goal).changes(search, members) for networks in ([linear, other], [linear], [other]))
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)


def test_estimates_of_a_design_do_not_depend_on_the_other_designs(linear):
    search, members = begun(scorer_of(linear))
    edits = GradientEdits([linear], search.goal)
    together = edits.changes(search, joined([members, members.select(np.array([0]))]))
    np.testing.assert_allclose(together[2], together[0], atol=1e-6)
    np.testing.assert_allclose(edits.changes(search, members.select(np.array([1])))[0], together[1], atol=1e-6)


def test_networks_with_different_tasks_are_rejected(linear):
    goal = settle_goal(scorer_of(linear), "max")
    with pytest.raises(ModelError, match="networks with the same tasks"):
        GradientEdits([linear, linear_network(tasks=2)], goal)
    with pytest.raises(InputError, match="at least 1 proposal and 1 network, got 0 proposals and 1 networks"):
        GradientEdits([linear], goal, proposals=0)
    with pytest.raises(InputError, match="got 16 proposals and 0 networks"):
        GradientEdits([], goal)
