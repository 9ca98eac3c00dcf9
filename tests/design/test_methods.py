import dataclasses

import numpy as np
import pytest
from function_scorer import FunctionScorer
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_rules import FLANKED, keeps
from searches import records_of
from weight_sum import PLAIN, WeightSum

from dreamkeras.design import methods as design_module
from dreamkeras.design.constraints import Constraints, settle_constraints
from dreamkeras.design.goal import settle_goal
from dreamkeras.design.methods import SearchSettings, design, random_starts
from dreamkeras.design.names import METHODS
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.ensemble import Ensemble

WAYS = [name for name in METHODS if name != "gradient"]

FIELDS = {"gc": [30, 70], "forbid": ["GAC", "CTTC", "AATT"], "homopolymer": 3, "fixed": ["2-3", "9"], "max_edits": 6}

START = "ACGTTGCATCAG"


def designed(starts, predictor, target="max", fields=None, *, goal=None, **choices):
    settings = SearchSettings(**{"steps": 5, "population": 12, "width": 3, **choices})
    return design(records_of(*starts), predictor, goal or settle_goal(predictor, target), settle_constraints(fields or {}), settings)


def inserts_of(designs):
    return [designs.inserts[row] for row in range(len(designs.inserts))]


@pytest.mark.parametrize("method", WAYS)
@settings(max_examples=15)
@given(st.text("ACGT", min_size=10, max_size=14), st.integers(0, 3))
def test_every_design_satisfies_every_constraint(method, start, seed):
    if not keeps(FIELDS, FLANKED, start, start):
        with pytest.raises(InputError, match="Constraint not satisfied by the start sequence 's0'"):
            designed([f"TTGA{start}TTCC"], WeightSum(FLANKED), fields=FIELDS)
        return
    found = designed([f"TTGA{start}TTCC"], WeightSum(FLANKED, seed=seed), fields=FIELDS, method=method, number=5)
    assert all(keeps(FIELDS, FLANKED, start, insert) for insert in inserts_of(found))


@pytest.mark.parametrize("method", WAYS)
def test_fixed_positions_and_adapters_are_unchanged(method):
    found = designed([START, "TTGA" + START[::-1] + "TTCC"], WeightSum(FLANKED), fields={"fixed": ["1-4", "10"]}, method=method, number=4)
    for row, insert in enumerate(inserts_of(found)):
        start = START if found.owner[row] == 0 else START[::-1]
        assert (insert[:4], insert[9], len(insert)) == (start[:4], start[9], len(start))
        assert found.sequences[row] == f"TTGA{insert}TTCC"
    assert found.edits.max() > 2


@pytest.mark.parametrize("method", WAYS)
def test_values_of_designs_are_predictions_of_the_model(method):
    predictor = Ensemble([WeightSum(FLANKED, tasks=2, seed=seed) for seed in (1, 2)])
    goal = settle_goal(predictor, "max", "task 1", "task 0", 0.5)
    found = designed([START, "ACGT"], predictor, goal=goal, method=method, number=2)
    answers = predictor.predict_spread(inserts_of(found))
    np.testing.assert_allclose(found.values, answers.mean[:, 1] - answers.mean[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.spread, answers.sd.sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(found.objective, found.values - 0.5 * found.spread, atol=1e-5)
    np.testing.assert_allclose(found.before, np.diff(predictor.predict([START, "ACGT"]))[:, 0], atol=1e-5)
    pairs = [zip(insert, (START, "ACGT")[row], strict=True) for insert, row in zip(inserts_of(found), found.owner, strict=True)]
    assert found.edits.tolist() == [sum(one != other for one, other in pair) for pair in pairs]


@pytest.mark.parametrize("method", WAYS)
@pytest.mark.parametrize(("target", "sign"), [("max", 1), ("min", -1)])
def test_predictions_change_towards_the_target(method, target, sign):
    found = designed([START, "GGGGG"], WeightSum(FLANKED), target, method=method)
    assert (sign * (found.values - found.before) > 1).all()


@pytest.mark.parametrize("method", WAYS)
def test_a_value_is_approached(method):
    predictor = WeightSum(FLANKED)
    wanted = float(predictor.predict([START])[0, 0]) + 3
    found = designed([START], predictor, wanted, method=method, steps=20)
    assert abs(found.values[0] - wanted) < 0.1


@pytest.mark.parametrize("method", WAYS)
def test_designs_have_the_requested_diversity(method):
    found = designed([START, START[:-1] + "A", "ACGTACGT"], WeightSum(FLANKED), method=method, number=4, diversity=3, steps=8)
    letters = [list(insert) for insert in inserts_of(found)]
    apart = [
        sum(a != b for a, b in zip(one, other, strict=True))
        for row, one in enumerate(letters)
        for other in letters[:row]
        if len(one) == len(other)
    ]
    assert len(letters) > 6
    assert min(apart) >= 3
    assert all(np.diff(found.objective[found.owner == start]).max(initial=-1) < 0 for start in range(3))


@pytest.mark.parametrize("method", WAYS)
def test_a_start_is_never_returned_as_a_design(method):
    found = designed(["ACGTA"], WeightSum(), fields={"fixed": ["2-5"]}, method=method, number=4)
    assert sorted(inserts_of(found)) == ["CCGTA", "GCGTA", "TCGTA"]
    assert found.edits.tolist() == [1, 1, 1]


@pytest.mark.parametrize("method", WAYS)
def test_there_may_be_no_designs(method):
    found = designed(["CC"], WeightSum(), fields={"fixed": ["1"], "gc": [60, 100], "forbid": ["CG"]}, method=method)
    assert (found.starts, found.owner.tolist(), found.values.shape, len(found.inserts)) == (["s0"], [], (0,), 0)


def test_no_design_begins_or_ends_like_an_adapter():
    wants_adapters = FunctionScorer(lambda letters: (letters[:, 4:8] == letters[:, :4]).sum(axis=1) * 1.0, FLANKED)
    found = designed(["CC" + "A" * 12 + "GG"], wants_adapters, method="greedy", steps=20)
    (insert,) = inserts_of(found)
    assert FLANKED.find_inserts(found.inserts).lengths.tolist() == [len(insert)] == [16]


@pytest.mark.parametrize("method", WAYS)
def test_the_same_seed_gives_the_same_designs(method):
    one, same = (designed([START, "ACGT"], WeightSum(FLANKED), method=method, number=3, seed=7) for _ in range(2))
    assert inserts_of(one) == inserts_of(same)
    np.testing.assert_array_equal(np.concatenate([step.mean for step in one.steps]), np.concatenate([step.mean for step in same.steps]))


@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_designs_do_not_depend_on_batches_of_starts(method, monkeypatch):
    starts = [START, "GGGGG", "ACGTACGT", START[::-1]]
    together = designed(starts, WeightSum(FLANKED), method=method, number=2)
    monkeypatch.setattr(design_module, "STEP_LETTERS", 1)
    apart = designed(starts, WeightSum(FLANKED), method=method, number=2)
    assert inserts_of(together) == inserts_of(apart)
    np.testing.assert_allclose(together.before, apart.before)
    assert sum(step.tried.sum() for step in together.steps) == sum(step.tried.sum() for step in apart.steps)


@pytest.mark.parametrize("method", WAYS)
def test_no_start_exceeds_the_limit_on_calls(method):
    found = designed([START, "ACGT", "GGGGG"], WeightSum(FLANKED), method=method, calls=120, steps=30, number=2)
    tried = np.bincount(np.concatenate([step.owner for step in found.steps]), np.concatenate([step.tried for step in found.steps]))
    assert tried.max() <= 120
    assert tried.max() > 60


def test_a_penalty_avoids_designs_on_which_members_disagree():
    one, other = WeightSum(seed=1), WeightSum(seed=2)
    pair = Ensemble([one, other])
    mean, sd = (one.weights + other.weights)[:, :, 0] / 2, abs(one.weights - other.weights)[:, :, 0] / np.sqrt(2)
    bold, shy = (designed(["A" * 12], pair, goal=settle_goal(pair, "max", penalty=k), method="greedy", steps=30) for k in (0, 3))
    assert shy.spread[0] < bold.spread[0]
    assert bold.values[0] == pytest.approx(mean.max(axis=1).sum(), abs=1e-4)
    assert shy.objective[0] > bold.values[0] - 3 * bold.spread[0]
    assert sd.shape == (12, 4)


def test_members_with_different_windows_can_be_used_together():
    shorter = dataclasses.replace(FLANKED, name="shorter", length=18)
    pair = Ensemble([WeightSum(FLANKED), WeightSum(shorter, seed=1)])
    found = designed([START], pair, method="greedy")
    np.testing.assert_allclose(found.values, pair.predict(inserts_of(found))[:, 0], atol=1e-5)
    assert found.values[0] > found.before[0]


def test_members_with_different_adapters_are_refused():
    other = dataclasses.replace(FLANKED, name="other", left_adapter="TGA")
    with pytest.raises(ModelError, match="have different constant bases around an insert"):
        designed([START], Ensemble([WeightSum(FLANKED), WeightSum(other)]))


def test_no_window_is_scored_twice():
    scorer = FunctionScorer(lambda letters: (letters == ord("A")).sum(axis=1), FLANKED)
    found = designed([START, "ACGT"], scorer, method="beam")
    searched = np.concatenate(scorer.calls)
    assert len(searched) == len(np.unique(searched, axis=0))
    assert len(searched) < sum(step.tried.sum() for step in found.steps)


class TestRandomStarts:
    def test_random_starts_satisfy_the_constraints_and_depend_on_the_seed(self):
        fields = {"gc": [40, 60], "forbid": ["BsaI", "GAC"], "homopolymer": 2, "require": ["ATG"]}
        one, same, other = (random_starts(30, 16, settle_constraints(fields), WeightSum(FLANKED), seed) for seed in (1, 1, 2))
        texts = [one.sequences[row].removeprefix("TTGA").removesuffix("TTCC") for row in range(30)]
        assert all(len(text) == 16 and keeps(fields, FLANKED, text, text) for text in texts)
        np.testing.assert_array_equal(one.sequences.flat, same.sequences.flat)
        assert (one.sequences.flat != other.sequences.flat).any()
        assert one.ids[::29] == ["random_1", "random_30"]

    def test_too_strict_constraints_are_refused(self):
        message = r"Only 0 of 51,200 random inserts satisfy the constraints\. Required: 3\. Give start sequences"
        with pytest.raises(InputError, match=message):
            random_starts(3, 12, settle_constraints({"gc": [100, 100], "homopolymer": 1, "forbid": ["CG"]}), WeightSum(), 0)

    def test_a_length_that_does_not_fit_is_refused(self):
        with pytest.raises(InputError, match="Expected 2 to 12 bases for construct 'plain', got 13"):
            random_starts(1, 13, Constraints(), WeightSum(PLAIN), 0)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"method": "annealing"}, "method to be one of evolution, greedy, beam, gradient, got 'annealing'"),
        ({"method": "gradient"}, "a function that proposes edits"),
        ({"number": 0}, "number to be at least 1, got 0"),
        ({"calls": 0}, "calls to be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(choices, message):
    with pytest.raises(InputError, match=message):
        designed([START], WeightSum(FLANKED), **choices)
