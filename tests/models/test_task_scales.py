"""The losses and inverse transformations of tasks in networks, compared with SciPy."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special, stats

from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.models.task_scales import TaskScales, log_gamma
from dreamkeras.sequence.task_scale import TaskScale

RANDOM = np.random.default_rng(0)
MIXED = (TaskScale(transform="log2", offset=1.0), TaskScale("binary"), TaskScale("counts"), TaskScale())


def built(*scales):
    layer = TaskScales(scales)
    layer.build((None, len(scales)))
    return layer


def numbers(tensor):
    return np.array(ops.convert_to_numpy(tensor), np.float64)


def loss(layer, *arrays):
    return float(numbers(layer.loss(*map(ops.convert_to_tensor, arrays))))


def test_log_gamma_is_that_of_scipy():
    values = np.float32([1e-3, 0.1, 0.5, 1, 2, 3.3, 17, 250, 1e4])
    np.testing.assert_allclose(numbers(log_gamma(ops.convert_to_tensor(values))), special.gammaln(values), rtol=2e-6, atol=2e-6)


def test_loss_of_binary_tasks_is_the_cross_entropy_of_the_measured_values_alone():
    targets, logits = np.float32([[1], [0], [0.25], [np.nan], [1]]), np.float32([[2], [-60], [0.5], [9], [80]])
    weights = np.float32([1, 3, 0.5, 2, 1])
    chances = special.expit(logits[:, 0].astype(np.float64))
    surprise = -special.xlogy(targets[:, 0], chances) - special.xlog1py(1 - targets[:, 0], -chances)
    kept = ~np.isnan(targets[:, 0])
    layer = built(TaskScale("binary"))
    assert loss(layer, targets, logits) == pytest.approx(surprise[kept].mean(), rel=1e-6)
    assert loss(layer, targets, logits, weights) == pytest.approx(np.average(surprise[kept], weights=weights[kept]), rel=1e-6)


@pytest.mark.parametrize("dispersion", [0.01, 0.5, 4.0])
def test_loss_of_counts_is_the_negative_binomial_likelihood(dispersion):
    counts, rates = np.float32([[0], [3], [250], [1]]), np.float32([[-2], [1.5], [5], [4]])
    layer = built(TaskScale("counts"))
    layer.log_dispersion.assign([np.log(dispersion)])
    size, mean = 1 / dispersion, np.exp(rates[:, 0].astype(np.float64))
    wanted = -stats.nbinom.logpmf(counts[:, 0], size, size / (size + mean)).mean()
    assert loss(layer, counts, rates) == pytest.approx(wanted, rel=1e-4)


def test_the_smallest_dispersion_is_nearly_a_poisson_distribution():
    counts, rates = np.float32([[0], [3], [9]]), np.float32([[-1], [1], [2]])
    layer = built(TaskScale("counts"))
    layer.log_dispersion.assign([-50.0])
    wanted = -stats.poisson.logpmf(counts, np.exp(rates.astype(np.float64))).mean()
    assert loss(layer, counts, rates) == pytest.approx(wanted, rel=0.01)


def test_the_dispersion_is_learned():
    counts = RANDOM.negative_binomial(2, 2 / (2 + 20), (4000, 1)).astype(np.float32)  # mean 20, dispersion 1 / 2
    inputs = keras.Input((1,))
    layer = TaskScales((TaskScale("counts"),))
    model = keras.Model(inputs, layer(inputs))
    model.compute_loss = lambda x, y, y_pred, sample_weight=None, training=True: layer.loss(y, y_pred)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(np.full_like(counts, np.log(20)), counts, batch_size=500, epochs=25, verbose=0)
    assert float(np.exp(numbers(layer.log_dispersion)[0])) == pytest.approx(0.5, rel=0.1)


def test_predictions_are_converted_as_in_numpy():
    latent = np.float32(RANDOM.normal(0, 3, (20, 4)))
    layer = built(*MIXED)
    wanted = np.stack([scale.natural(column) for scale, column in zip(MIXED, latent.T, strict=True)], axis=1)
    np.testing.assert_allclose(numbers(layer.natural(latent)), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(layer.fitted(latent))[:, [0, 3]], latent[:, [0, 3]])
    np.testing.assert_allclose(numbers(layer.fitted(latent))[:, 1:3], wanted[:, 1:3], rtol=1e-5)
    assert np.isfinite(numbers(layer.natural(np.float32([[1e9] * 4, [-1e9] * 4])))).all()


def test_predictions_are_limited_to_the_training_values_and_two_standard_deviations():
    logs, counts = np.float32([-1, 0, 2, 5]), np.float32([0, 3, 20, 1500])
    layer = built(TaskScale(transform="log2"), TaskScale("counts"), TaskScale("binary"), TaskScale())
    final = AutosomeRegressionFinal(4, channels=2)
    final.build((None, 10, 3))
    layer.fit(final, np.stack([logs, counts, [0, 1, 1, 0], logs], axis=1))
    scaled = (logs, np.log(counts.astype(np.float64) + 0.5))
    wanted = [[values.min() - 2 * values.std(), values.max() + 2 * values.std()] for values in scaled]
    extreme = ops.convert_to_tensor(np.float32([[-90] * 4, [90] * 4, [1] * 4]))
    natural = numbers(layer.natural(extreme))
    np.testing.assert_allclose(natural[:, 0], np.exp2([*wanted[0], 1]), rtol=1e-4)
    np.testing.assert_allclose(natural[:, 1], np.exp([*wanted[1], 1]), rtol=1e-4)
    np.testing.assert_allclose(natural[:, 2:], [[0, -90], [1, 90], [special.expit(1), 1]], atol=1e-6)


def test_equal_training_values_give_no_limits():
    layer, final = built(TaskScale("counts")), AutosomeRegressionFinal(1, channels=2)
    final.build((None, 10, 3))
    layer.fit(final, np.full((5, 1), 7, np.float32))
    assert numbers(layer.natural(ops.convert_to_tensor(np.float32([[20]])))).item() == pytest.approx(np.exp(20), rel=1e-5)


def test_other_losses_see_the_values_alone():
    targets = np.float32([[1, 0, 7, 2]])
    np.testing.assert_array_equal(numbers(built(*MIXED).values_alone(targets)), [[1, np.nan, np.nan, 2]])


def test_logits_and_logarithms_are_not_standardised():
    targets = np.stack([RANDOM.normal(5, 3, 500), RANDOM.random(500) < 0.2, RANDOM.poisson(30, 500), np.zeros(500)], axis=1)
    final = AutosomeRegressionFinal(4, channels=2)
    final.build((None, 10, 3))
    final.fit_scale(targets)
    scales = (TaskScale(), TaskScale("binary"), TaskScale("counts"), TaskScale("binary"))
    layer = built(*scales)
    layer.fit(final, targets.astype(np.float32))
    assert numbers(final.scale).tolist() == [pytest.approx(targets[:, 0].std(), rel=1e-5), 1, 1, 1]
    wanted = [targets[:, 0].mean(), special.logit(targets[:, 1].mean()), np.log(targets[:, 2].mean())]
    np.testing.assert_allclose(numbers(final.offset)[:3], wanted, rtol=0.01)
    assert -20 < numbers(final.offset)[3] < -5
    assert numbers(layer.log_dispersion)[0] == pytest.approx(np.log(0.01), abs=1)  # counts of a Poisson distribution
