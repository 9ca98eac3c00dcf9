import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.training.epochs.selection import describe_undefined, is_better, relative_error, target_variances, without_improvement

NAN = math.nan


def row(*r, error=NAN):
    """Returns an epoch with one task or several."""
    tasks = {f"val_r_{task}": value for task, value in enumerate(r)} if len(r) > 1 else {}
    defined = [value for value in r if not math.isnan(value)]
    return {"val_r": float(np.mean(defined)) if defined else NAN, **tasks, "val_relative_mse": error}


def best_of(rows):
    """Epochs from 1, as a run goes through them."""
    best = 1
    for epoch in range(2, len(rows) + 1):
        best = epoch if is_better(rows[epoch - 1], rows[best - 1]) else best
    return best


class TestBest:
    @pytest.mark.parametrize(
        ("rows", "best"),
        [
            ([row(NAN, 0.7), row(NAN, 0.9), row(NAN, 0.8)], 2),  # r of a task is always undefined
            ([row(NAN, 0.5), row(0.1, 0.55)], 2),  # constant predictions of a task in the first epoch
            ([row(NAN, 0.8), row(0.05, 0.1)], 1),
            ([row(0.4, 0.5), row(NAN, 0.6)], 1),
            ([row(NAN, error=2.0), row(NAN, error=0.5), row(NAN, error=0.7)], 2),  # one validation value
            ([row(NAN, NAN, error=0.1), row(-0.3, NAN, error=9.0)], 2),  # an epoch with no defined r ranks below an epoch with one
            ([row(0.2, error=9.0), row(NAN, error=0.1)], 1),
            ([row(NAN), row(NAN, error=3.0)], 2),
            ([row(NAN), row(NAN)], 1),
            ([row(0.3, error=0.9), row(0.3, error=0.1)], 1),  # r decides if it is defined
        ],
    )
    def test_epoch(self, rows, best):
        assert best_of(rows) == best

    def test_rows_of_an_older_version_have_no_relative_error(self):
        assert best_of([{"val_r": NAN}, {"val_r": 0.1}]) == 2

    def test_a_nan_profile_loss_is_never_the_best(self):
        losses = [NAN, 2.0, NAN, 1.5, 1.7]
        assert best_of([{"val_r": 0.5, "val_loss": loss, "val_relative_mse": 0.1} for loss in losses]) == 4

    @given(st.lists(st.tuples(*[st.one_of(st.just(NAN), st.floats(-1, 1))] * 3), min_size=1, max_size=8))
    def test_no_epoch_is_better_than_the_best_one(self, figures):
        rows = [row(*r, error=1.0) for r in figures]
        best = rows[best_of(rows) - 1]
        assert not any(is_better(other, best) for other in rows)
        for one, other in itertools.combinations(rows, 2):
            assert not (is_better(one, other) and is_better(other, one))

    @given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=8))
    def test_a_task_with_undefined_r_changes_nothing(self, figures):
        assert best_of([row(*r) for r in figures]) == best_of([row(*r, NAN) for r in figures])


class TestPatience:
    @pytest.mark.parametrize(
        ("rows", "best", "waited"),
        [
            ([row(0.5), row(0.4), row(0.3)], 1, 2),
            ([row(0.5), row(NAN), row(0.3)], 1, 1),
            ([row(NAN), row(NAN), row(NAN)], 1, 0),
            ([row(NAN, error=1.0), row(NAN, error=2.0), row(NAN, error=NAN)], 1, 1),
            ([row(0.5, error=1.0), row(NAN, error=2.0)], 1, 0),
            ([row(0.5, 0.5), row(NAN, 0.4), row(0.1, 0.1)], 1, 1),
            ([row(NAN, 0.5), row(NAN, 0.4), row(0.01, 0.1)], 1, 2),
            ([{"val_r": 0.1, "val_loss": 1.0}, {"val_r": 0.1, "val_loss": NAN}, {"val_r": 0.1, "val_loss": 1.0}], 1, 1),
            ([], 0, 0),
        ],
    )
    def test_epochs(self, rows, best, waited):
        assert without_improvement(rows, best) == waited


class TestRelativeError:
    def test_is_the_mean_over_tasks_of_error_divided_by_variance(self):
        assert relative_error(np.array([1.0, 9.0]), np.array([2.0, 3.0])) == pytest.approx(1.75)

    def test_does_not_depend_on_the_units(self):
        errors, variances = np.array([1.0, 9.0]), np.array([2.0, 3.0])
        assert relative_error(errors * [1, 1e12], variances * [1, 1e12]) == pytest.approx(1.75)

    def test_constant_training_values_give_the_error_itself(self):
        assert relative_error(np.array([2.0, 4.0]), np.zeros(2)) == 3

    def test_a_task_without_validation_values_is_ignored(self):
        assert relative_error(np.array([np.nan, 3.0]), np.array([1.0, 2.0])) == 1.5
        assert math.isnan(relative_error(np.array([np.nan]), np.array([1.0])))

    def test_variances_ignore_missing_values(self):
        targets = np.array([[1, 0.1, np.nan], [3, 0.1, np.nan], [np.nan, 0.1, np.nan]], np.float32)
        assert target_variances(targets).tolist() == [1, 0, 0]


class TestWarning:
    def test_names_each_task_and_its_number_of_values(self):
        targets = np.array([[1.0, 2, np.nan, 5], [2.0, np.nan, np.nan, 5], [3.0, np.nan, np.nan, 5]])
        assert describe_undefined(targets, ["dense", "sparse", "empty", "flat"]) == (
            "Validation r is undefined for sparse (1 validation value), empty (no validation values), flat (3 validation values, all the "
            "same), because r requires two different values. The best epoch is chosen by the r of the other tasks."
        )

    def test_says_how_the_best_epoch_is_chosen_without_r(self):
        assert describe_undefined(np.ones((1, 1)), ["a"]).endswith(
            "chosen by the squared error relative to the variance of the training values."
        )

    def test_is_empty_if_every_task_has_two_values(self):
        assert describe_undefined(np.array([[1.0, np.nan], [2.0, 1.0], [np.nan, 3.0]]), ["a", "b"]) == ""


def test_the_module_does_not_import_keras():
    code = "import sys, dreamkeras.training.epochs.selection; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
