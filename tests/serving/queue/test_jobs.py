import asyncio
import threading

import numpy as np
import pytest

from dreamkeras.serving.queue.jobs import Job, JobSlice, deliver, expire, hand_out, join_rows


@pytest.fixture
def make_job():
    """`make_job(rows, first=0)` returns a job of one-letter windows with consecutive codes from `first`."""
    loop = asyncio.new_event_loop()
    yield lambda rows, first=0: Job(np.arange(first, first + rows, dtype=np.uint8)[:, None], loop.create_future(), 0.0, 5)
    loop.close()


def answers(windows):
    """Returns two model outputs: twice the code, and an output with three columns."""
    return {"double": windows.astype(np.float32) * 2, "wide": np.repeat(windows, 3, axis=1).astype(np.float32)}


def test_rows_wait_until_a_batch_takes_them(make_job):
    job = make_job(5)
    job.taken = 3
    assert job.waiting == 2


def test_job_is_complete_when_its_last_rows_are_scored(make_job):
    job = make_job(5)
    assert [job.add(rows, (1.0, 2.0, 3.0)) for rows in (2, 2, 1)] == [False, False, True]
    assert job.compute == (3.0, 6.0, 9.0)


def test_rows_of_several_jobs_are_joined(make_job):
    slices = [JobSlice(make_job(3), 1, 3), JobSlice(make_job(2, 10), 0, 2)]
    assert join_rows(slices).tolist() == [[1], [2], [10], [11]]


def test_rows_of_one_job_are_not_copied(make_job):
    job = make_job(3)
    assert np.shares_memory(join_rows([JobSlice(job, 0, 2)]), job.windows)


@pytest.mark.parametrize("cuts", [[(0, 5)], [(0, 2), (2, 5)], [(0, 1), (1, 2), (2, 5)]])
def test_answers_match_their_rows_for_any_division_of_a_job(make_job, cuts):
    job, other = make_job(5), make_job(4, 100)
    for place, (first, last) in enumerate(cuts):
        slices = [JobSlice(other, place, place + 1), JobSlice(job, first, last)]
        hand_out(answers(join_rows(slices)), slices)
    assert job.answers["double"].tolist() == [[0], [2], [4], [6], [8]]
    assert job.answers["wide"].tolist() == [[i] * 3 for i in range(5)]
    assert other.answers["double"][: len(cuts)].tolist() == [[200 + 2 * i] for i in range(len(cuts))]


class TestDelivery:
    def deliver_from_a_thread(self, job, error=None):
        thread = threading.Thread(target=deliver, args=([job], error))
        thread.start()
        thread.join()

    def test_answers_reach_the_waiting_event_loop(self):
        async def wait():
            job = Job(np.zeros((1, 1), np.uint8), asyncio.get_running_loop().create_future(), 0.0, 5)
            job.answers = {"x": np.ones(1)}
            self.deliver_from_a_thread(job)
            return await job.future

        assert asyncio.run(wait())["x"].tolist() == [1]

    def test_errors_reach_the_waiting_event_loop(self):
        async def wait():
            job = Job(np.zeros((1, 1), np.uint8), asyncio.get_running_loop().create_future(), 0.0, 5)
            self.deliver_from_a_thread(job, ValueError("no"))
            await job.future

        with pytest.raises(ValueError, match="no"):
            asyncio.run(wait())

    def test_cancelled_futures_are_ignored(self):
        async def wait():
            job = Job(np.zeros((1, 1), np.uint8), asyncio.get_running_loop().create_future(), 0.0, 5)
            job.future.cancel()
            self.deliver_from_a_thread(job)  # the delivery is the next callback of the loop
            await asyncio.sleep(0)
            return job.future.cancelled()

        assert asyncio.run(wait())

    def test_closed_event_loop_is_ignored(self, make_job):
        job = make_job(1)
        job.future.get_loop().close()
        deliver([job])


def test_expire_sets_a_timeout_only_on_unfinished_jobs(make_job):
    late, done = make_job(1), make_job(1)
    done.future.set_result({})
    for job in (late, done):
        expire(job)
    assert isinstance(late.future.exception(), TimeoutError)
    assert done.future.result() == {}
