import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.serving.queue.jobs import Job
from dreamkeras.serving.queue.queues import SHARE, ModelQueue


def make_job(rows, priority=5, queued=1.0):
    return Job(np.zeros((rows, 4), np.uint8), None, queued, priority)


@pytest.fixture
def queue():
    return ModelQueue(length=4)


def taken(slices):
    return [(piece.first, piece.last) for piece in slices]


def test_small_jobs_are_taken_in_order(queue):
    jobs = [make_job(3) for _ in range(3)]
    for job in jobs:
        queue.add(job)
    slices = queue.take(9)
    assert [piece.job for piece in slices] == jobs
    assert taken(slices) == [(0, 3)] * 3


def test_job_is_split_at_the_batch_limit(queue):
    queue.add(make_job(5))
    assert [taken(queue.take(2)) for _ in range(4)] == [[(0, 2)], [(2, 4)], [(4, 5)], []]


def test_large_job_leaves_space_for_small_ones(queue):
    large, small = make_job(10 * SHARE), make_job(3)
    queue.add(large)
    queue.add(small)
    slices = queue.take(2 * SHARE)
    assert [(piece.job is large, piece.last - piece.first) for piece in slices] == [(True, SHARE), (False, 3), (True, SHARE - 3)]


def test_single_large_job_fills_the_batch_with_one_slice(queue):
    queue.add(make_job(10 * SHARE))
    assert taken(queue.take(4 * SHARE)) == [(0, 4 * SHARE)]


def test_smaller_priority_is_first(queue):
    late, early = make_job(2, priority=7), make_job(2, priority=1)
    queue.add(late)
    queue.add(early)
    assert [piece.job for piece in queue.take(4)] == [early, late]


def test_withdrawn_rows_are_not_scored(queue):
    gone, stays = make_job(4), make_job(2)
    queue.add(gone)
    queue.add(stays)
    assert queue.withdraw(gone) == 4
    assert (queue.rows, queue.jobs) == (2, 1)
    assert [piece.job for piece in queue.take(10)] == [stays]


def test_withdrawing_counts_waiting_rows_once(queue):
    job = make_job(5)
    queue.add(job)
    queue.take(2)
    assert [queue.withdraw(job), queue.withdraw(job)] == [3, 0]
    assert (queue.rows, queue.jobs) == (0, 0)


def test_since_is_the_first_arrival_and_0_after_a_batch(queue):
    queue.add(make_job(3, queued=7.0))
    queue.add(make_job(3, queued=8.0))
    assert queue.since == 7.0
    queue.take(4)
    assert queue.since == 0.0
    queue.take(4)
    queue.add(make_job(3, queued=9.0))
    assert queue.since == 9.0


@given(
    jobs=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 3)), max_size=12),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    gone=st.sets(st.integers(0, 11)),
)
def test_every_row_is_taken_once_and_counts_are_consistent(jobs, sizes, gone):
    queue, made = ModelQueue(length=4), [make_job(rows, priority) for rows, priority in jobs]
    for job in made:
        queue.add(job)
    seen = {job: [] for job in made}
    for step, rows in enumerate([*sizes, *[50] * 20]):
        slices = queue.take(rows)
        assert sum(piece.last - piece.first for piece in slices) <= rows
        for job, first, last in slices:
            assert not job.withdrawn
            seen[job] += range(first, last)
        if step in gone and step < len(made):
            queue.withdraw(made[step])
        assert queue.rows == sum(job.waiting for job in made if not job.withdrawn)
        assert queue.jobs == sum(job.waiting > 0 for job in made if not job.withdrawn)
    assert queue.rows == 0
    assert all(seen[job] == list(range(job.taken)) for job in made)
    assert all(job.taken == len(job.windows) for job in made if not job.withdrawn)


@pytest.mark.parametrize(
    ("waiting", "rows", "priority", "expected"),
    [
        ([], 5, 5, 0),
        ([(8000, 5)], 1, 5, SHARE),
        ([(8000, 5)], 3 * SHARE, 5, 3 * SHARE),
        ([(8000, 5), (3, 5)], 1, 5, 2 * SHARE),
        ([(5, 5), (3, 5)], 1000, 5, 8),
        ([(8000, 5), (40, 1)], 1, 5, 40 + SHARE),
        ([(8000, 5), (40, 1)], 1, 1, SHARE),
        ([(8000, 5)], 1, 4, 0),
    ],
)
def test_rows_ahead_counts_rows_with_an_earlier_turn(queue, waiting, rows, priority, expected):
    for count, level in waiting:
        queue.add(make_job(count, level))
    assert queue.ahead(rows, priority) == expected


def test_taken_and_withdrawn_rows_are_not_ahead(queue):
    gone, stays = make_job(40), make_job(40)
    queue.add(gone)
    queue.add(stays)
    queue.take(20)
    queue.withdraw(gone)
    assert queue.ahead(1000, 5) == queue.rows == stays.waiting


@given(st.lists(st.integers(1, 4), max_size=6), st.integers(1, 4))
def test_rows_ahead_is_an_upper_bound(shares, new):
    queue = ModelQueue(length=4)
    for count in shares:
        queue.add(make_job(count * SHARE))
    expected, job, before = queue.ahead(new * SHARE, 5), make_job(new * SHARE), 0
    queue.add(job)
    while job.waiting:
        before += sum(piece.last - piece.first for piece in queue.take(SHARE) if piece.job is not job)
    assert before == sum(min(count, new) * SHARE for count in shares) <= expected
