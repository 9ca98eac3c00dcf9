"""Regression heads, compared with NumPy."""

import numpy as np
import pytest
from keras import ops
from keras_arrays import array, random_array, randomise

from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal


def made(tasks=2):
    final = AutosomeRegressionFinal(tasks=tasks, channels=5)
    final.build((None, None, 8))
    return randomise(final)


def loss(final, targets, expression, *weights):
    """Computes the head's loss from tensors, as `fit` does."""
    return float(final.loss(ops.convert_to_tensor(targets), {"expression": ops.convert_to_tensor(expression)}, *weights))


def test_each_task_has_a_branch_and_outputs_are_in_units():
    final, features = made(), random_array(3, 7, 8)
    final.fit_scale(np.array([[1, 10], [3, 30]], np.float32))
    pooled = features.mean(1)
    raw = [
        (pooled @ array(mapper.kernel) + array(mapper.bias)) @ array(linear.kernel) + array(linear.bias)
        for mapper, linear in zip(final.mappers, final.linears, strict=True)
    ]
    wanted = np.concatenate(raw, axis=1) * [1, 10] + [2, 20]
    np.testing.assert_allclose(array(final(features)["expression"]), wanted, atol=1e-4)


def test_the_loss_is_the_standardised_squared_error_summed_over_tasks():
    final = made()
    final.fit_scale(np.array([[0, 0], [2, 4]], np.float32))
    targets, expression = np.array([[1, 2], [3, 4]], np.float32), np.array([[0, 6], [1, 4]], np.float32)
    assert loss(final, targets, expression) == pytest.approx((1 + 4) / 2 + (4 + 0) / 2)


def test_the_loss_of_targets_below_the_normal_numbers_of_float32_is_finite():
    final = made()
    targets = np.array([[1e-40, 2], [3e-40, 6]], np.float32)
    final.fit_scale(targets)
    assert loss(final, targets, np.array([[1, 2], [1, 4]], np.float32)) == pytest.approx(1 + (0 + 1) / 2)


def test_missing_targets_are_ignored():
    final = made()
    targets, expression = np.array([[1, np.nan], [3, np.nan]], np.float32), np.array([[0, 5], [1, 5]], np.float32)
    final.fit_scale(np.array([[0, 1], [np.nan, 1]], np.float32))
    assert loss(final, targets, expression) == pytest.approx((1 + 4) / 2)


def test_the_loss_is_weighted_by_sample():
    final = made(tasks=1)
    final.fit_scale(np.array([[-1], [1]], np.float32))
    came = loss(final, np.array([[1], [3]], np.float32), np.zeros((2, 1), np.float32), np.array([3, 1], np.float32))
    assert came == pytest.approx((3 * 1 + 1 * 9) / 4)


def test_a_constant_task_keeps_scale_one():
    final = made(tasks=1)
    final.fit_scale(np.full((4, 1), 7, np.float32))
    assert (float(array(final.offset)[0]), float(array(final.scale)[0])) == (7, 1)
