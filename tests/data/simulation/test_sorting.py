"""Simulated sorting and sequencing of a library."""

import numpy as np
import pytest

from dreamkeras.data.assays.yeast import BINS
from dreamkeras.data.simulation.sorting import CELLS_PER_READ, ONE_READ, SPREAD, measure


def measured(expression, count=20_000, seed=0):
    return measure(np.full(count, float(expression)), np.random.default_rng(seed))


def test_values_are_between_0_and_17():
    values = measure(np.linspace(0, 17, 5000), np.random.default_rng(0))
    assert values.dtype == np.float64
    assert values.min() >= 0
    assert values.max() <= BINS - 1


def test_a_seed_gives_the_same_values_in_every_version():
    assert measure(np.linspace(0, 17, 5000), np.random.default_rng(0)).sum() == pytest.approx(42657.451941, rel=1e-9)


def test_the_mean_is_the_expression_far_from_the_ends_of_the_scale():
    assert measured(9.0).mean() == pytest.approx(9.0, abs=0.05)


def test_integer_values_have_the_expected_frequency():
    # Values are integers for a single read or for several reads in the same bin. The probability of the latter is summed over bins.
    generator = np.random.default_rng(1)
    bins = np.clip(np.rint(generator.normal(9.0, SPREAD, 200_000)), 0, 17).astype(int)
    shares = np.bincount(bins, minlength=BINS) / len(bins)
    expected = sum(ONE_READ * (1 - ONE_READ) ** (reads - 1) * (shares**reads).sum() for reads in range(1, 40))
    values = measured(9.0)
    assert (values == np.rint(values)).mean() == pytest.approx(expected, abs=0.015)


def test_integer_values_have_the_spread_of_cells():
    values = measured(9.0, 40_000)
    single = values[values == np.rint(values)]
    assert np.unique(single).size > 6
    assert single.std() == pytest.approx(np.sqrt(SPREAD**2 + 1 / 12), rel=0.06)  # rounding adds variance, repeated bins reduce it


def test_several_reads_are_weighted_means_of_bins():
    values = measured(9.0)
    broken = values[values != np.rint(values)]
    pairs = {
        (a * CELLS_PER_READ[a] + b * CELLS_PER_READ[b]) / (CELLS_PER_READ[a] + CELLS_PER_READ[b]) for a in range(BINS) for b in range(a)
    }
    shares = np.isin(broken, list(pairs)).mean()
    assert 0.4 < shares < 0.7  # about half of the values that are not integers have two reads


def test_reads_of_a_single_bin_give_exactly_its_number():
    # Far above the scale, all reads fall into the last bin.
    assert set(measured(40.0)) == {17.0}
    assert set(measured(-40.0)) == {0.0}


def test_the_weights_are_exact_in_binary():
    assert np.array_equal(CELLS_PER_READ * 64, np.rint(CELLS_PER_READ * 64))
    assert len(CELLS_PER_READ) == BINS


def test_the_same_generator_state_gives_the_same_values():
    assert np.array_equal(measured(5.0, 100, seed=3), measured(5.0, 100, seed=3))
    assert not np.array_equal(measured(5.0, 100, seed=3), measured(5.0, 100, seed=4))


def test_an_empty_library_has_no_values():
    assert measure(np.empty(0), np.random.default_rng(0)).shape == (0,)
