"""Tests of `tune` with a fake clock that is advanced by the scorer."""

import numpy as np
import pytest
from toy_models import TOY

from dreamkeras.scoring import tuning
from dreamkeras.scoring.tuning import BATCH_SIZES, GAIN, rate, thread_counts, tune


class Clock:
    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(tuning, "time", clock)
    return clock


class Timed:
    """Scorer that takes `seconds(rows)` per batch, and ten times as long for the first batch of each size."""

    constructs = (TOY,)

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.sizes = clock, seconds, []

    def score_windows(self, windows, batch_size):
        rows = len(windows[0])
        assert windows[0].shape == (batch_size, TOY.length)
        assert set(np.unique(windows[0])) <= set(b"ACGT")
        self.clock.now += self.seconds(rows) * (1 if rows in self.sizes else 10)
        self.sizes.append(rows)


def test_rate_ignores_the_first_batch(clock):
    assert rate(Timed(clock, lambda rows: rows / 500), 20) == pytest.approx(500)


def test_a_slow_model_scores_three_batches_and_a_fast_one_more(clock):
    slow, fast = Timed(clock, lambda rows: 3.0), Timed(clock, lambda rows: 0.015625)
    rate(slow, 4, 0.25)
    rate(fast, 4, 0.25)
    assert (len(slow.sizes), len(fast.sizes)) == (3, 1 + 16)


def test_batch_size_grows_while_the_rate_increases(clock):
    best = tune(lambda threads: Timed(clock, lambda rows: max(rows, 100) / 1000), [2], BATCH_SIZES)
    assert (best.batch_size, best.threads, best.rate) == (128, 2, pytest.approx(1000))
    assert max(best.scorer.sizes) == 512


def test_the_smallest_of_equally_fast_batch_sizes_is_chosen(clock):
    best = tune(lambda threads: Timed(clock, lambda rows: rows / (1000 + rows * (GAIN - 1) / 2)), [1], BATCH_SIZES)
    assert (best.batch_size, max(best.scorer.sizes)) == (16, 64)


@pytest.mark.parametrize(("faster", "threads"), [(1.0, 4), (1.04, 4), (1.5, 2)])
def test_another_number_of_threads_is_chosen_only_if_faster(clock, faster, threads):
    speed = {4: 1000, 2: 1000 * faster}
    best = tune(lambda count: Timed(clock, lambda rows: rows / speed[count]), [4, 2], [64])
    assert (best.threads, best.batch_size, best.rate) == (threads, 64, pytest.approx(speed[threads]))


def test_result_is_described_in_one_line(clock):
    best = tune(lambda threads: Timed(clock, lambda rows: rows / 2048), [1], [2048])
    assert str(best) == "Measured 2,048 sequences per second with batch size 2,048 and 1 thread."


def test_threads_are_all_cpus_or_half_of_them(monkeypatch):
    monkeypatch.setattr(tuning, "available_cpus", lambda: 7)
    assert thread_counts() == (7, 3)
    monkeypatch.setattr(tuning, "available_cpus", lambda: 1)
    assert thread_counts() == (1,)


@pytest.mark.parametrize(
    ("threads", "sizes", "tried"),
    [([2], (16, 64), [16] * 3 + [64] * 3), ([2, 1], (64, 128), [64] * 6 + [128] * 3), ([2, 1], (16, 32), [16] * 6 + [32] * 3)],
)
def test_threads_are_compared_at_the_default_batch_size_if_allowed(clock, threads, sizes, tried):
    asked = []
    tune(lambda count: Timed(clock, lambda rows: asked.append(rows) or rows / (1000 * count)), threads, sizes, 0)
    assert sorted(asked) == sorted(tried)
    assert asked[0] == (64 if len(threads) > 1 and 64 in sizes else sizes[0])


def test_threads_are_compared_at_64_windows_if_smaller_sizes_are_allowed_too(clock):
    asked = []
    tune(lambda count: Timed(clock, lambda rows: asked.append(rows) or rows / 1000), [2, 1], (16, 64), 0)
    assert asked == [64] * 6 + [16] * 3 + [64] * 3
