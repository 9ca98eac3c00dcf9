import math

import numpy as np
import pytest

from dreamkeras.statistics.undefined import mean_defined, mean_or_zero, varies

NAN = math.nan


@pytest.mark.parametrize(("figures", "mean"), [([1, 3], 2), ([NAN, 3], 3), ([NAN, 2, 4, math.inf], 3)])
def test_mean_ignores_undefined_values(figures, mean):
    assert mean_defined(figures) == mean


@pytest.mark.parametrize("figures", [[], [NAN], [NAN, NAN]])
def test_mean_of_undefined_values_is_nan(figures):
    assert math.isnan(mean_defined(figures))


def test_undefined_values_are_replaced_by_zero_for_comparisons():
    means = mean_or_zero(np.array([[0.5, NAN], [0.5, 0.7], [NAN, NAN]]), axis=1)
    np.testing.assert_allclose(means, [0.25, 0.6, NAN])


def test_tasks_with_two_different_values_vary():
    values = np.array([[1, 1, NAN, NAN, 0.1], [2, NAN, NAN, 5, 0.1], [NAN, 1, NAN, 6, 0.1]], np.float32)
    assert varies(values).tolist() == [True, False, False, True, False]
    assert varies(values[:0]).tolist() == [False] * 5
