import math

import numpy as np
import pytest

from dreamkeras.statistics.undefined import mean_defined, mean_or_zero, varies

NAN = math.nan


@pytest.mark.parametrize(("figures", "mean"), [([1, 3], 2), ([NAN, 3], 3), ([NAN, 2, 4, math.inf], 3)])
def test_the_mean_is_over_what_exists(figures, mean):
    assert mean_defined(figures) == mean


@pytest.mark.parametrize("figures", [[], [NAN], [NAN, NAN]])
def test_there_is_no_mean_of_nothing(figures):
    assert math.isnan(mean_defined(figures))


def test_compared_figures_that_do_not_exist_count_as_zero():
    means = mean_or_zero(np.array([[0.5, NAN], [0.5, 0.7], [NAN, NAN]]), axis=1)
    np.testing.assert_allclose(means, [0.25, 0.6, NAN])


def test_varying_are_tasks_with_two_different_values():
    values = np.array([[1, 1, NAN, NAN, 0.1], [2, NAN, NAN, 5, 0.1], [NAN, 1, NAN, 6, 0.1]], np.float32)
    assert varies(values).tolist() == [True, False, False, True, False]
    assert varies(values[:0]).tolist() == [False] * 5
