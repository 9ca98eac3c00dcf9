"""Tests of the noise ceiling against closed forms and simulated replicates with known true values."""

import numpy as np
import pytest

from dreamkeras.statistics.noise_ceiling import noise_ceiling


def simulated(replicates, noise, n=200_000, seed=0):
    """Simulates true values with variance 1, and their replicates."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=n)
    return truth, truth[:, None] + noise * generator.normal(size=(n, replicates))


@pytest.mark.parametrize("replicates", [2, 3, 5])
@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_ceiling_is_the_r_of_true_values_with_the_mean_of_replicates(replicates, noise):
    truth, values = simulated(replicates, noise)
    ceiling = noise_ceiling(values)
    assert ceiling.replicate_r == pytest.approx(1 / (1 + noise**2), abs=0.01)
    assert ceiling.ceiling_r == pytest.approx(np.corrcoef(truth, values.mean(1))[0, 1], abs=0.005)


def test_missing_replicates_are_omitted_from_pairs():
    _, values = simulated(3, 1.0)
    values[::2, 2] = np.nan
    ceiling = noise_ceiling(values)
    assert ceiling.replicate_r == pytest.approx(0.5, abs=0.01)
    assert ceiling.ceiling_r == pytest.approx(np.sqrt(2.5 / 3.5), abs=0.005)  # a mean of 2.5 replicates per row


def test_rows_without_replicates_are_ignored():
    values = np.random.default_rng(0).normal(size=(50, 1)) + np.random.default_rng(1).normal(size=(50, 2))
    empty = np.full((30, 2), np.nan)
    assert noise_ceiling(np.concatenate([values, empty])) == pytest.approx(noise_ceiling(values))


def test_replicates_without_noise_allow_an_r_of_1():
    assert noise_ceiling(np.arange(5.0)[:, None].repeat(3, 1)) == pytest.approx((1, 1))


def test_ceiling_of_negatively_correlated_replicates_is_undefined():
    r, ceiling = noise_ceiling(np.array([[1.0, 3], [2, 2], [3, 1]]))
    assert r == pytest.approx(-1)
    assert np.isnan(ceiling)


@pytest.mark.parametrize("values", [np.full((4, 2), np.nan), np.ones((4, 3)), np.array([[1.0, 2]]), np.arange(4.0)[:, None]])
def test_ceiling_is_undefined_without_pairs_of_varying_replicates(values):
    assert np.isnan(noise_ceiling(values)).all()
