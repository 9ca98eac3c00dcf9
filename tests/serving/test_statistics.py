import time

import pytest

from dreamkeras.serving.statistics import FAILURES, SIZES, Duration, ScoringSpeed, Statistics


def test_duration_counts_and_adds_up_nanoseconds():
    duration = Duration()
    duration.add(0.5)
    duration.add(1e-9, count=3)
    assert duration.to_json() == {"count": 4, "ns": 500_000_003}


def test_batches_are_counted_by_their_rows():
    statistics = Statistics()
    for rows in (4, 8, 4):
        statistics.add_batch(rows, (0.001, 0.002, 0.003))
    found = statistics.to_json()
    assert (found["inference_count"], found["execution_count"]) == (16, 3)
    assert [(batch["batch_size"], batch["compute_infer"]) for batch in found["batch_stats"]] == [
        (4, {"count": 2, "ns": 4_000_000}),
        (8, {"count": 1, "ns": 2_000_000}),
    ]


def test_last_inference_is_in_milliseconds_of_unix_time():
    statistics = Statistics()
    assert statistics.to_json()["last_inference"] == 0
    statistics.add_batch(1, (0, 0, 0))
    assert abs(statistics.last - time.time() * 1000) < 60_000


def test_answered_requests_are_counted_with_each_of_their_stages():
    statistics = Statistics()
    statistics.add_success(1.0, 0.25, (0.125, 0.5, 0.0625))
    found = statistics.to_json()["inference_stats"]
    assert {name: value["ns"] / 1e9 for name, value in found.items()} == {
        "success": 1.0,
        "fail": 0,
        "queue": 0.25,
        "compute_input": 0.125,
        "compute_infer": 0.5,
        "compute_output": 0.0625,
        "cache_hit": 0,
        "cache_miss": 0,
    }


def test_failures_are_counted_by_reason():
    statistics = Statistics()
    statistics.add_failure("REJECTED", 0.5)
    statistics.add_failure("REJECTED", 0.5)
    statistics.add_failure("BACKEND", 1.0)
    assert statistics.failures == {"REJECTED": 2, "CANCELED": 0, "BACKEND": 1, "OTHER": 0}
    assert set(statistics.failures) == set(FAILURES)
    assert statistics.to_json()["inference_stats"]["fail"] == {"count": 3, "ns": 2_000_000_000}


def test_histogram_buckets_end_at_powers_of_two():
    assert tuple(2**power for power in range(11)) == SIZES


def test_unknown_speed_is_0():
    assert ScoringSpeed().seconds_per_row == 0


def test_constant_speed_is_reported_unchanged():
    speed = ScoringSpeed()
    for rows in (1, 64, 8):
        speed.add(rows, rows * 0.25)
    assert speed.seconds_per_row == pytest.approx(0.25)


def test_large_batches_count_more():
    speed = ScoringSpeed()
    speed.add(1, 1.0)
    speed.add(99, 9.9)
    assert speed.seconds_per_row == pytest.approx((0.9 + 9.9) / (0.9 + 99))


def test_old_batches_lose_their_weight():
    speed = ScoringSpeed()
    speed.add(10, 100.0)
    for _ in range(50):
        speed.add(10, 1.0)
    assert speed.seconds_per_row == pytest.approx(0.1, rel=0.1)
