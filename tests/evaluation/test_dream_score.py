import time

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.evaluation.dream_score import dream_score
from dreamkeras.evaluation.subsets import SUBSETS

ROWS = {name: np.arange(8) for name, subset in SUBSETS.items() if not subset.paired}
PAIRS = {name: np.array([[0, 4], [1, 5], [2, 6], [3, 7]]) for name, subset in SUBSETS.items() if subset.paired}


def test_a_table_with_a_known_score():
    """r is 0.8 in `all` (4 sequences) and 1 in every other subset of rows. In subsets of pairs, predicted differences are reversed."""
    measured = np.array([1, 2, 3, 4, 1, 3, 6, 10.0])
    predicted = np.array([1, 2, 4, 3, 5, 4, 2, -1.0])
    subsets = {"all": np.arange(4), **{name: np.arange(2) for name in ROWS if name != "all"}, **PAIRS}
    # alt - ref: measured 0, -1, -3, -6; predicted -4, -2, 2, 4
    r_pairs = np.corrcoef([0, -1, -3, -6], [-4, -2, 2, 4])[0, 1]
    (score,) = dream_score(measured, [predicted], subsets, draws=2)
    rows, pairs = 0.3 * 4 + 0.5, 1.25 + 0.3 + 0.4
    assert score.pearson == pytest.approx((0.64 + rows + pairs * r_pairs**2) / 4.65)
    assert score.spearman == pytest.approx((0.8 + rows - pairs) / 4.65)
    assert score.missing == ()


def test_each_part_has_its_size_and_weight():
    measured = np.arange(8.0)
    (score,) = dream_score(measured, [measured], {**ROWS, "SNVs": np.array([[1, 0], [4, 2], [7, 3]])}, draws=2)
    assert [(part.subset, part.n) for part in score.parts] == [*((name, 8) for name in ROWS), ("SNVs", 3)]
    assert {part.subset: part.weight for part in score.parts} == {name: SUBSETS[name].weight for name in [*ROWS, "SNVs"]}
    assert (score.pearson, score.spearman) == pytest.approx((1, 1))
    assert score.missing == ("motif perturbation", "motif tiling")


def test_several_models_are_scored_separately():
    measured = np.random.default_rng(0).normal(size=8)
    models = np.array([measured, -measured, np.random.default_rng(1).normal(size=8)])
    scores = dream_score(measured, models, {**ROWS, **PAIRS}, draws=3)
    assert [score.spearman for score in scores[:2]] == pytest.approx([1, -1])
    assert scores[2][1:] == dream_score(measured, models[2:], {**ROWS, **PAIRS}, draws=3)[0][1:]


@pytest.mark.parametrize(("subsets", "message"), [({"fly": np.arange(4)}, "got 'fly'"), ({"yeast": np.arange(1)}, "subset 'yeast', got 1")])
def test_invalid_subsets_are_refused(subsets, message):
    with pytest.raises(InputError, match=message):
        dream_score(np.arange(8), [np.arange(8)], subsets)


def test_a_subset_without_a_correlation_is_missing_from_the_score():
    measured, subsets = (
        np.array([1.0, 2, 3, 4, 5, 5, 5]),
        {"all": np.arange(7), "yeast": np.array([4, 5, 6]), "high expression": np.arange(4)},
    )
    found, none = dream_score(measured, [np.arange(7.0) ** 2, np.zeros(7)], subsets, draws=10)
    without, _ = dream_score(
        measured, [np.arange(7.0) ** 2, np.zeros(7)], {name: subsets[name] for name in ("all", "high expression")}, draws=10
    )
    assert (found.pearson, found.spearman) == (without.pearson, without.spearman)
    assert "yeast" in found.missing
    assert np.isnan([none.pearson, none.spearman]).all()
    assert none.missing == tuple(SUBSETS)


def test_a_test_of_the_challenges_size_takes_seconds():
    random = np.random.default_rng(0)
    measured = random.normal(size=71_103)
    began = time.process_time()
    dream_score(measured, [measured + random.normal(size=71_103)], {"all": np.arange(71_103)}, draws=100)
    assert time.process_time() - began < 2 * 6  # 0.4 s on an idle machine
