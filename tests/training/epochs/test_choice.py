import math

import numpy as np
import pytest
import scipy.stats

from dreamkeras.training.epochs.choice import Comparison, choose_epoch, compare, squared_errors
from dreamkeras.training.epochs.selection import relative_error

NAN = math.nan
LARGER, NOISE = Comparison(0.5, 0.1), Comparison(0.1, 0.1)
RANDOM = np.random.default_rng(0)


def rows(*r):
    return [{"val_r": value, "val_relative_mse": NAN} for value in r]


def choose(keep, rows, best, completed=True, found=None):
    def comparison():
        assert found is not None, "the epochs were compared without need"
        return found

    return choose_epoch(keep, rows, best, completed, comparison)


class TestComparison:
    def test_equals_the_paired_t_statistic(self):
        last, best = RANDOM.exponential(size=(2, 40))
        found = compare(last, best)
        assert found.difference / found.standard_error == pytest.approx(scipy.stats.ttest_rel(last, best).statistic)
        assert found.difference == pytest.approx(np.mean(last) - np.mean(best))

    @pytest.mark.parametrize("shift", [0.1, 0.3, 0.5, 1.0])
    def test_the_limit_is_two_standard_errors(self, shift):
        best = RANDOM.exponential(size=30)
        last = best + shift * RANDOM.exponential(size=30) - 0.1
        assert compare(last, best).is_beyond_noise == (scipy.stats.ttest_rel(last, best).statistic > 2)

    @pytest.mark.parametrize(
        ("last", "best", "beyond"),
        [([], [], False), ([9.0], [1.0], False), ([1.0, 2.0], [1.0, 2.0], False), ([2.0, 3.0], [1.0, 2.0], True)],
    )
    def test_without_a_spread_nothing_is_undefined(self, last, best, beyond):
        found = compare(np.array(last), np.array(best))
        assert found.is_beyond_noise is beyond
        assert "nan" not in str(found)


class TestErrors:
    def test_of_complete_values_are_means_of_standardised_squares(self):
        targets, predicted = RANDOM.normal(size=(2, 9, 2)).astype(np.float32)
        expected = ((targets[:, 0] - predicted[:, 0]) ** 2 / 4 + (targets[:, 1] - predicted[:, 1]) ** 2 / 9) / 2
        np.testing.assert_allclose(squared_errors(targets, predicted, np.array([4.0, 9.0])), expected, rtol=1e-5)

    @pytest.mark.parametrize("variances", [(2.0, 3.0, 0.5), (2.0, 0.0, 1.0), (0.0, 0.0, 0.0)])
    def test_have_the_mean_of_the_relative_error_if_values_are_missing(self, variances):
        targets, predicted = RANDOM.normal(size=(2, 20, 3))
        targets[5:, 0] = targets[:3, 1] = targets[:, 2] = NAN
        targets[0] = NAN
        errors = squared_errors(targets, predicted, np.array(variances))
        mse = np.array([*np.nanmean((targets - predicted)[:, :2] ** 2, axis=0), NAN])
        assert errors.mean() == pytest.approx(relative_error(mse, np.array(variances)))

    def test_examples_without_values_are_omitted(self):
        targets = np.array([[1.0, NAN], [NAN, NAN], [2.0, 3.0]])
        assert len(squared_errors(targets, np.zeros((3, 2)), np.ones(2))) == 2
        assert len(squared_errors(np.full((3, 2), NAN), np.zeros((3, 2)), np.ones(2))) == 0


class TestChoice:
    def test_the_last_epoch_is_kept_unless_its_error_is_larger_beyond_noise(self):
        kept = choose("auto", rows(0.5, 0.7, 0.6), 2, found=NOISE)
        assert str(kept) == (
            "Kept epoch 3 of 3, the last epoch, because its error is not larger than the error of epoch 2 beyond noise "
            "(difference 0.1, 2 standard errors 0.2)."
        )
        kept = choose("auto", rows(0.5, 0.7, 0.6), 2, found=LARGER)
        assert str(kept) == (
            "Kept epoch 2 of 3, the best epoch, because the error of the last epoch is larger beyond noise "
            "(difference 0.5, 2 standard errors 0.2)."
        )

    @pytest.mark.parametrize(("keep", "epoch"), [("best", 1), ("last", 2)])
    @pytest.mark.parametrize("completed", [False, True])
    def test_an_option_decides_without_a_comparison(self, keep, epoch, completed):
        kept = choose(keep, rows(0.7, 0.6), 1, completed)
        assert (kept.epoch, kept.reason) == (epoch, f"the {keep} epoch, as --keep {keep} requires")

    @pytest.mark.parametrize("keep", ["auto", "best", "last"])
    def test_a_last_epoch_that_is_the_best_is_kept(self, keep):
        assert str(choose(keep, rows(0.5, 0.7), 2)) == "Kept epoch 2 of 2, the last epoch, which is also the best one."

    def test_an_incomplete_schedule_keeps_the_best_epoch(self):
        assert choose("auto", rows(0.7, 0.6), 1, completed=False).epoch == 1

    @pytest.mark.parametrize(
        ("history", "best", "epoch"),
        [
            (rows(0.3, NAN), 1, 1),
            (rows(NAN, NAN), 1, 2),
            ([{"val_r_a": 0.1, "val_r_b": 0.2}, {"val_r_a": 0.2, "val_r_b": NAN}], 1, 1),
            ([{"val_loss": 1.0}, {"val_loss": NAN}], 1, 1),
        ],
    )
    def test_an_undefined_metric_never_wins(self, history, best, epoch):
        kept = choose("auto", history, best)
        assert kept.epoch == epoch
        assert "defined" in kept.reason
