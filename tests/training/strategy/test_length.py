import math

import pytest

from dreamkeras.training.strategy.length import FEWEST_EPOCHS, ROWS, SEEN, Speed, default_epochs, fitting_steps


class TestEpochs:
    def test_small_data_are_seen_equally_often_in_total(self):
        for rows in (2_500, 4_000, ROWS):
            assert default_epochs(rows, 1000) * rows == pytest.approx(SEEN, abs=rows / 2)

    def test_the_total_grows_with_the_square_root_of_larger_data(self):
        assert [default_epochs(ROWS * times, 1000) for times in (1, 4)] == [round(SEEN / ROWS), round(SEEN / ROWS / 2)]

    @pytest.mark.parametrize(("rows", "most", "epochs"), [(1, 80, 80), (10**8, 80, FEWEST_EPOCHS), (10**8, 2, 2), (100, 20, 20)])
    def test_limits(self, rows, most, epochs):
        assert default_epochs(rows, most) == epochs


class TestFittingSteps:
    SPEED = Speed(startup=7.0, step=0.25, validation=3.0, spent=11.0)

    @pytest.mark.parametrize("minutes", [0.4, 0.5, 1, 2.5, 7])
    def test_is_the_largest_number_that_fits(self, minutes):
        def needed(steps):
            return 11 + 7 + 0.25 * steps + 3 * math.ceil(steps / 20)

        expected = max(steps for steps in range(1, 501) if needed(steps) <= 0.9 * 60 * minutes)
        assert fitting_steps(self.SPEED, minutes, 500, 20) == expected

    def test_a_large_limit_changes_nothing(self):
        assert fitting_steps(self.SPEED, 1e6, 500, 20) == 500
        assert fitting_steps(self.SPEED, math.inf, 500, 20) == 500

    def test_a_limit_that_has_passed_leaves_one_step(self):
        assert fitting_steps(self.SPEED, 1e-9, 500, 20) == 1
