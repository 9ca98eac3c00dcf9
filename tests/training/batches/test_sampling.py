import numpy as np
import pytest

from dreamkeras.training.batches.sampling import BINS, Bins, epoch_order, epoch_rows, epoch_size


def column(*values):
    return np.array(values, np.float32)[:, None]


def generator(seed=0):
    return np.random.default_rng(seed)


class TestEachOnce:
    @pytest.mark.parametrize(("turned", "total"), [(False, 7), (True, 14)])
    def test_examples_are_in_random_order(self, turned, total):
        order = epoch_order(7, turned, None, generator())
        assert sorted(order) == list(range(total))
        assert list(order) != sorted(order)


class TestNonpeaks:
    is_peak = np.arange(40) % 4 == 0

    @pytest.mark.parametrize(("ratio", "others"), [(0, 0), (0.1, 1), (1, 10), (3, 30), (5, 30)])
    def test_all_peaks_and_some_non_peaks_are_selected(self, ratio, others):
        rows = epoch_rows(self.is_peak, ratio, generator())
        assert len(rows) == len(set(rows)) == epoch_size(self.is_peak, ratio) == 10 + others
        assert set(np.flatnonzero(self.is_peak)) <= set(rows)

    def test_non_peaks_are_drawn_again_each_time(self):
        one, other = (set(epoch_rows(self.is_peak, 0.5, generator(seed))) for seed in (0, 1))
        assert one != other

    def test_without_peaks_all_rows_are_selected(self):
        none = np.zeros(7, bool)
        assert sorted(epoch_rows(none, 0.1, generator())) == list(range(7))
        assert epoch_size(none, 0.1) == 7


class TestBins:
    def test_bins_of_any_size_are_drawn_equally_often(self):
        targets = column(*[0.0] * 970, *[1.0] * 20, *[9.0] * 9, 17.0)
        drawn = targets[Bins(targets).draw(1002, generator()), 0]
        _, counts = np.unique(drawn, return_counts=True)
        assert sorted(counts) == [250, 250, 251, 251]

    def test_examples_of_a_bin_are_equally_likely(self):
        targets = column(*[0.0] * 10, 17.0)
        rows, counts = np.unique(Bins(targets).draw(20_000, generator()), return_counts=True)
        assert list(rows) == list(range(11))
        assert np.abs(counts[:10] - 1000).max() < 150

    def test_bins_have_equal_width_over_the_range(self):
        targets = np.linspace(-3, 5, 1801)[:, None]
        assert len(Bins(targets).counts) == BINS
        assert np.ptp(Bins(targets).counts) <= 2

    def test_bins_of_several_tasks_use_the_mean_of_scaled_targets(self):
        targets = np.array([[0, 1000], [1, 0], [np.nan, 500], [0, 0], [np.nan, np.nan]], np.float32)
        bins = Bins(targets)
        assert [set(members) for members in np.split(bins.members, bins.starts[1:])] == [{4}, {3}, {0, 1, 2}]

    def test_constant_targets_are_one_bin(self):
        assert sorted(set(Bins(column(2, 2, 2)).draw(100, generator()))) == [0, 1, 2]

    def test_both_strands_are_drawn_equally_often(self):
        targets = column(*range(10))
        order = epoch_order(10, True, Bins(targets), generator())
        assert len(order) == 20
        assert (order >= 10).sum() == 10
        assert order.max() < 20
