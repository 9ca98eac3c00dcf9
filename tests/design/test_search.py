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


def test_step_zero_contains_the_starts():
    search = search_from(["CCCC", "AACC"], FunctionScorer(count_a, PLAIN))
    begun = search.begin()
    assert begun.objective.tolist() == [0, 2]
    (step,) = search.steps
    assert [column.tolist() for column in step] == [[0, 1], [1, 1], [0, 2], [0, 2], [0, 0], [0, 2]]


def test_a_step_has_results_for_each_start_that_was_part_of_it():
    search = search_from(["CCCC", "AACC"], FunctionScorer(count_a, PLAIN))
    search.begin()
    search.step(*designs_of(search, [1, 1, 1], "AAAC", "CCCC", "CACC"))
    assert [column.tolist() for column in search.steps[1]] == [[1], [3], [3], [4 / 3], [1], [3]]
    assert texts_of(search) == ["AAAC"]


def test_the_best_design_is_chosen_by_objective_and_recorded_with_its_prediction():
    search = search_from(["ACCC"], FunctionScorer(count_a, PLAIN), target="min")
    search.begin()
    search.step(*designs_of(search, [0, 0], "AACC", "CCCC"))
    assert (search.steps[1].best.tolist(), search.steps[1].objective.tolist()) == ([0], [0])
    assert texts_of(search) == ["CCCC"]


def test_designs_that_break_a_constraint_are_not_scored():
    scorer = FunctionScorer(count_a, PLAIN)
    search = search_from(["CCCC"], scorer, fields={"homopolymer": 4, "max_edits": 1})
    search.begin()
    found = search.step(*designs_of(search, [0, 0], "AACC", "ACCC"))
    assert found.objective.tolist() == [1]
    assert sum(map(len, scorer.calls)) == 2


def test_each_distinct_window_is_scored_once():
    scorer = FunctionScorer(count_a, PLAIN)
    search = search_from(["CCCC", "CCCC"], scorer)
    search.begin()
    for _ in range(2):
        search.step(*designs_of(search, [0, 1, 1], "ACCC", "ACCC", "CCCC"))
    windows = np.concatenate(scorer.calls)
    assert len(windows) == len(np.unique(windows, axis=0)) == 2


def test_a_step_is_one_call_of_the_model():
    scorer = FunctionScorer(count_a, PLAIN)
    search = search_from(["CCCC", "GGGG"], scorer)
    search.begin()
    search.step(*designs_of(search, [0, 1, 0, 1], "ACCC", "AGGG", "CACC", "GAGG"))
    assert [len(letters) for letters in scorer.calls] == [2, 4]


def test_the_search_stops_at_the_maximum_number_of_steps():
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
    assert found.owner.tolist() == [1, 1]  # the first start would have five calls
    assert search.step(*designs_of(search, [0, 1], "AACC", "AAGG")).owner.tolist() == [0, 1]
    assert search.step(*designs_of(search, [0, 1], "AAAC", "AAAG")) is None


def test_a_limit_on_calls_below_one_step_is_refused():
    search = search_from(["CCCC", "GGGG"], FunctionScorer(count_a, PLAIN), calls=2)
    search.begin()
    with pytest.raises(InputError, match="Expected calls to be at least 3 per start sequence, so that the first step fits, got 2"):
        search.step(*designs_of(search, [0, 0, 1], "ACCC", "CACC", "AGGG"))


def test_the_search_stops_if_no_design_is_allowed():
    search = search_from(["CCCC"], FunctionScorer(count_a, PLAIN), fields={"max_edits": 1})
    search.begin()
    assert search.step(*designs_of(search, [0], "AACC")) is None


def test_the_best_distinct_designs_of_each_start_are_kept():
    search = search_from(["CCCC", "GGGG"], FunctionScorer(count_a, PLAIN), kept=3)
    search.begin()
    search.step(*designs_of(search, [1, 0, 0, 0, 0], "GGGA", "AACC", "AAAC", "AACC", "CCCA"))
    assert texts_of(search) == ["AAAC", "AACC", "CCCA", "GGGA"]
    assert search.best.objective.tolist() == [3, 1]


def test_values_do_not_depend_on_the_number_of_windows_at_a_time(monkeypatch):
    found = []
    for size in (2, 8192):
        monkeypatch.setattr("dreamkeras.design.search.WINDOWS", size)
        search = search_from(["ACGTAC", "GGGGGG", "TTACGA"], WeightSum())
        found.append(search.begin().objective)
    np.testing.assert_array_equal(*found)
