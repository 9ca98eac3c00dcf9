import pytest

from dreamkeras.serving.queue.pace import Pace


def test_unknown_pace_is_0():
    assert Pace().seconds_per_row == 0


def test_even_pace_is_told_as_it_is():
    pace = Pace()
    for rows in (1, 64, 8):
        pace.add(rows, rows * 0.25)
    assert pace.seconds_per_row == pytest.approx(0.25)


def test_large_batches_count_more():
    pace = Pace()
    pace.add(1, 1.0)
    pace.add(99, 9.9)
    assert pace.seconds_per_row == pytest.approx((0.9 + 9.9) / (0.9 + 99))


def test_past_is_forgotten():
    pace = Pace()
    pace.add(10, 100.0)
    for _ in range(50):
        pace.add(10, 1.0)
    assert pace.seconds_per_row == pytest.approx(0.1, rel=0.1)
