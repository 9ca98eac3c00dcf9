import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.design.goal import settle_goal
from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.ensemble import Ensemble

ONE = WeightSum()
TWO = WeightSum(tasks=2)
PAIR = Ensemble([WeightSum(tasks=2, seed=1), WeightSum(tasks=2, seed=2)])
COLUMNS = np.array([[3, 1, 0.5, 0.25], [-1, 2, 2, 1]], np.float32)
"""Columns of two sequences: means of two tasks, followed by their standard deviations."""


@pytest.mark.parametrize(
    ("target", "choices", "objective"),
    [
        ("max", {"task": "task 0"}, [3, -1]),
        ("min", {"task": "task 0"}, [-3, 1]),
        (2.0, {"task": "task 1"}, [-1, 0]),
        ("max", {"task": "task 0", "minus": "task 1"}, [2, -3]),
        ("max", {"task": "task 1", "penalty": 2}, [0.5, 0]),
        ("min", {"task": "task 0", "penalty": 1}, [-3.5, -1]),
        (1.0, {"task": "task 0", "penalty": 1}, [-2.5, -4]),
        ("max", {"task": "task 0", "minus": "task 1", "penalty": 1}, [1.25, -6]),
    ],
)
def test_objective_of_each_target(target, choices, objective):
    np.testing.assert_allclose(settle_goal(PAIR, target, **choices).objective(COLUMNS), objective)


def test_objective_of_nan_is_minus_infinity():
    assert settle_goal(ONE, "max").objective(np.array([[np.nan], [-1e30]], np.float32)).argmax() == 1


def test_a_single_model_has_no_sd():
    assert settle_goal(TWO, "max", "task 1").spread(COLUMNS[:, :2]) is None


def test_the_task_is_optional_for_a_model_with_a_single_task():
    assert settle_goal(ONE, "max").task == 0


@pytest.mark.parametrize(
    ("predictor", "target", "choices", "error", "message"),
    [
        (TWO, "max", {}, ModelError, "Give the task to design for: task 0, task 1."),
        (TWO, "max", {"task": "Dev"}, ModelError, r"one of the tasks that weight sum predicts \(task 0, task 1\), got 'Dev'"),
        (TWO, "max", {"task": "task 0", "minus": "task 0"}, InputError, "two different tasks"),
        (ONE, "max", {"penalty": 1.0}, ModelError, "A penalty requires an ensemble, got the single model weight sum"),
        (ONE, "max", {"penalty": -1.0}, InputError, "a penalty of 0 or more, got -1"),
        (ONE, float("nan"), {}, InputError, r"max, min or a number from -3\.4e\+38 to 3\.4e\+38 for the target, got nan"),
        (ONE, -1e39, {}, InputError, r"max, min or a number from -3\.4e\+38 to 3\.4e\+38 for the target, got -1e\+39"),
    ],
)
def test_invalid_goals_are_refused(predictor, target, choices, error, message):
    with pytest.raises(error, match=message):
        settle_goal(predictor, target, **choices)
