import numpy as np
import pytest
from function_scorer import FunctionScorer
from searches import search_from, texts_of
from weight_sum import PLAIN, WeightSum

from dreamkeras.errors import InputError


def count_a(letters):
    return (letters == ord("A")).sum(axis=1)


def designs_of(search, owner, *inserts):
    letters = search.starts.letters[owner]
    for row, insert in enumerate(inserts):
        letters[row, : len(insert)] = np.frombuffer(insert.encode(), np.uint8)
    return np.array(owner), letters


def test_the_starts_are_step_zero():
    search = search_from(["CCCC", "AACC"], FunctionScorer(count_a, PLAIN))
    begun = search.begin()
    assert begun.objective.tolist() == [0, 2]
    (step,) = search.steps
    assert [column.tolist() for column in step] == [[0, 1], [1, 1], [0, 2], [0, 2], [0, 0], [0, 2]]


def test_a_step_tells_what_came_of_each_start_that_took_part():
    search = search_from(["CCCC", "AACC"], FunctionScorer(count_a, PLAIN))
    search.begin()
    search.step(*designs_of(search, [1, 1, 1], "AAAC", "CCCC", "CACC"))
    assert [column.tolist() for column in search.steps[1]] == [[1], [3], [3], [4 / 3], [1], [3]]
    assert texts_of(search) == ["AAAC"]


def test_the_objective_counts_and_the_prediction_is_told():
    search = search_from(["ACCC"], FunctionScorer(count_a, PLAIN), target="min")
    search.begin()
    search.step(*designs_of(search, [0, 0], "AACC", "CCCC"))
    assert (search.steps[1].best.tolist(), search.steps[1].objective.tolist()) == ([0], [0])
    assert texts_of(search) == ["CCCC"]


def test_designs_that_break_a_rule_are_not_scored():
    scorer = FunctionScorer(count_a, PLAIN)
    search = search_from(["CCCC"], scorer, fields={"homopolymer": 4, "max_edits": 1})
    search.begin()
    found = search.step(*designs_of(search, [0, 0], "AACC", "ACCC"))
    assert found.objective.tolist() == [1]
    assert sum(map(len, scorer.calls)) == 2


def test_each_different_window_is_asked_for_once():
    scorer = FunctionScorer(count_a, PLAIN)
    search = search_from(["CCCC", "CCCC"], scorer)
    search.begin()
    for _ in range(2):
        search.step(*designs_of(search, [0, 1, 1], "ACCC", "ACCC", "CCCC"))
    windows = np.concatenate(scorer.calls)
    assert len(windows) == len(np.unique(windows, axis=0)) == 2


def test_a_step_is_one_call_whatever_it_has():
    scorer = FunctionScorer(count_a, PLAIN)
    search = search_from(["CCCC", "GGGG"], scorer)
    search.begin()
    search.step(*designs_of(search, [0, 1, 0, 1], "ACCC", "AGGG", "CACC", "GAGG"))
    assert [len(letters) for letters in scorer.calls] == [2, 4]


def test_no_step_is_taken_beyond_the_limits():
    few_steps, few_calls = (search_from(["CCCC"], FunctionScorer(count_a, PLAIN), **limit) for limit in ({"steps": 1}, {"calls": 3}))
    for search in (few_steps, few_calls):
        search.begin()
        assert search.step(*designs_of(search, [0, 0], "ACCC", "CACC")) is not None
        assert search.step(*designs_of(search, [0], "CCAC")) is None
        assert len(search.steps) == 2


def test_calls_are_counted_for_each_start():
    search = search_from(["CCCC", "GGGG"], FunctionScorer(count_a, PLAIN), calls=4)
    search.begin()
    search.step(*designs_of(search, [0, 0], "ACCC", "CACC"))
    found = search.step(*designs_of(search, [0, 0, 1, 1], "AACC", "CAAC", "AGGG", "GAGG"))
    assert found.owner.tolist() == [1, 1]  # of the first there would be five
    assert search.step(*designs_of(search, [0, 1], "AACC", "AAGG")).owner.tolist() == [0, 1]
    assert search.step(*designs_of(search, [0, 1], "AAAC", "AAAG")) is None


def test_calls_that_are_too_few_for_one_step_are_refused():
    search = search_from(["CCCC", "GGGG"], FunctionScorer(count_a, PLAIN), calls=2)
    search.begin()
    with pytest.raises(InputError, match="enough for one step, 3 for each start, got 2"):
        search.step(*designs_of(search, [0, 0, 1], "ACCC", "CACC", "AGGG"))


def test_nothing_allowed_is_the_end():
    search = search_from(["CCCC"], FunctionScorer(count_a, PLAIN), fields={"max_edits": 1})
    search.begin()
    assert search.step(*designs_of(search, [0], "AACC")) is None


def test_the_best_different_designs_of_each_start_are_kept():
    search = search_from(["CCCC", "GGGG"], FunctionScorer(count_a, PLAIN), kept=3)
    search.begin()
    search.step(*designs_of(search, [1, 0, 0, 0, 0], "GGGA", "AACC", "AAAC", "AACC", "CCCA"))
    assert texts_of(search) == ["AAAC", "AACC", "CCCA", "GGGA"]
    assert search.best.objective.tolist() == [3, 1]


def test_windows_are_cut_in_pieces_and_scored_alike(monkeypatch):
    found = []
    for size in (2, 8192):
        monkeypatch.setattr("dreamkeras.design.search.WINDOWS", size)
        search = search_from(["ACGTAC", "GGGGGG", "TTACGA"], WeightSum())
        found.append(search.begin().objective)
    np.testing.assert_array_equal(*found)
