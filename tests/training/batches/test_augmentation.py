import numpy as np
import pytest

from dreamkeras.sequence.alphabet import BASES
from dreamkeras.training.batches.augmentation import choose_bases, jitter, mutate, slide

CODES = np.frombuffer(b"ACGTacgtNRn", np.uint8)


def letters(n=2000, length=30, codes=CODES, seed=0):
    return np.random.default_rng(seed).choice(codes, (n, length))


def generator(seed=1):
    return np.random.default_rng(seed)


class TestSlide:
    def test_all_shifts_are_equally_likely_and_gaps_are_n(self):
        windows = np.tile(np.arange(1, 31, dtype=np.uint8), (3000, 1))
        slid = slide(windows, 2, generator())
        shifts = {(first - 2): 0 for first in range(5)}
        for window in slid:
            padded = np.pad(windows[0], 2, constant_values=ord("N"))
            shifts[next(shift for shift in shifts if (window == padded[shift + 2 : shift + 32]).all())] += 1
        assert sum(shifts.values()) == 3000
        assert min(shifts.values()) > 500

    def test_a_shift_of_0_changes_nothing(self):
        windows = letters(20)
        np.testing.assert_array_equal(slide(windows, 0, generator()), windows)


class TestChosenBases:
    @pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
    def test_chosen_positions_are_the_given_fraction_of_bases(self, share):
        windows = letters()
        chosen = choose_bases(windows, share, generator())
        is_base = np.isin(windows, np.frombuffer(b"ACGTacgt", np.uint8))
        assert not chosen[~is_base].any()
        assert chosen[is_base].mean() == pytest.approx(share, abs=0.01)

    def test_all_positions_are_equally_likely(self):
        chosen = choose_bases(letters(codes=CODES[:4]), 0.2, generator())
        assert np.abs(chosen.mean(0) - 0.2).max() < 0.04
        assert np.abs(chosen.mean(1) - 0.2).max() < 0.4


class TestMutate:
    def test_each_chosen_base_becomes_another_base(self):
        windows = letters()
        chosen = choose_bases(windows, 0.3, generator())
        exchanged = mutate(windows, chosen, generator(2))
        np.testing.assert_array_equal(exchanged[~chosen], windows[~chosen])
        old, new = (np.char.upper(values[chosen].view("S1")).astype(str) for values in (windows.copy(), exchanged))
        assert (old != new).all()
        for base in BASES:
            others, counts = np.unique(new[old == base], return_counts=True)
            assert set(others) == set(BASES) - {base}
            assert counts.min() > 0.28 * counts.sum()

    def test_the_input_is_not_changed(self):
        windows = letters(5)
        before = windows.copy()
        mutate(windows, choose_bases(windows, 1.0, generator()), generator())
        np.testing.assert_array_equal(windows, before)


class TestJitter:
    def test_noise_of_singletons_has_the_given_deviation(self):
        targets, singletons = np.full((4000, 2), 3, np.float32), np.arange(4000) % 2 == 1
        moved = jitter(targets, singletons, 0.25, generator())
        assert moved.dtype == np.float32
        np.testing.assert_array_equal(moved[~singletons], targets[~singletons])
        noise = moved[singletons] - 3
        assert noise.mean() == pytest.approx(0, abs=0.02)
        assert noise.std() == pytest.approx(0.25, abs=0.01)
        assert abs(np.corrcoef(noise.T)[0, 1]) < 0.1

    def test_missing_values_stay_missing(self):
        assert np.isnan(jitter(np.full((3, 1), np.nan, np.float32), np.ones(3, bool), 1.0, generator())).all()
