import asyncio
import contextlib
import dataclasses
import threading
import time

import numpy as np
import pytest

from dreamkeras.serving.errors import OverloadedError, ProtocolError
from dreamkeras.serving.queue.batcher import Batcher
from dreamkeras.serving.settings import Settings
from dreamkeras.serving.statistics import ScoringSpeed, Statistics

LENGTH = 4
SMALL = Settings(scorers=1, batch_rows=8, delay_seconds=0, rows=100, queue_rows=1000)


class SlowModel:
    """Model that returns the first letter of each window. With `hold`, each batch waits until `go_on` is called."""

    def __init__(self, hold=False, seconds=0.0):
        self.statistics, self.speed, self.batch_rows, self.device, self.at_once = Statistics(), ScoringSpeed(), 1000, "cpu", 10
        self.batches, self.began = [], threading.Event()
        self._gate, self._hold, self._seconds, self.error = threading.Semaphore(0), hold, seconds, None

    def answer(self, windows):
        self.batches.append(windows[:, 0].tolist())
        self.began.set()
        if self._hold:
            assert self._gate.acquire(timeout=20)
        time.sleep(self._seconds)
        if self.error:
            raise self.error
        return {"code": windows[:, :1].astype(np.float32)}

    def go_on(self, batches=1000):
        self._hold = batches < 1000
        self._gate.release(batches)

    async def wait_until_it_began(self):
        assert await asyncio.to_thread(self.began.wait, 20)


def windows(*codes):
    return np.repeat(np.array(codes, np.uint8)[:, None], LENGTH, axis=1)


def run(scenario, settings=SMALL):
    """Runs `scenario(batcher)` and closes the batcher afterwards."""

    async def with_batcher():
        batcher = Batcher(settings)
        batcher.start()
        try:
            return await asyncio.wait_for(scenario(batcher), 30)
        finally:
            await asyncio.to_thread(batcher.close)

    return asyncio.run(with_batcher())


async def later(batcher, model, *codes, **options):
    """Returns the task of a request that has reached the queue."""
    before = batcher.waiting(model)
    task = asyncio.ensure_future(batcher.score(model, windows(*codes), **options))
    for _ in range(100):
        await asyncio.sleep(0)
        if task.done() or batcher.waiting(model) != before:
            break
    return task


def codes(answers):
    return answers["code"][:, 0].tolist()


class TestAnswers:
    def test_answers_belong_to_their_request(self):
        async def scenario(batcher):
            model = SlowModel()
            found = await asyncio.gather(*(batcher.score(model, windows(*range(i, i + 1 + i % 20))) for i in range(40)))
            return [codes(answers) for answers in found]

        assert run(scenario) == [[*range(i, i + 1 + i % 20)] for i in range(40)]

    def test_waiting_requests_share_a_batch(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            first = await later(batcher, model, 1)
            await model.wait_until_it_began()
            others = [await later(batcher, model, 10 * i, 10 * i + 1, 10 * i + 2) for i in range(1, 4)]
            model.go_on()
            await asyncio.gather(first, *others)
            return model.batches

        assert run(scenario) == [[1], [10, 11, 12, 20, 21, 22, 30, 31], [32]]

    def test_long_windows_make_small_batches(self):
        async def scenario(batcher):
            model = SlowModel()
            await batcher.score(model, windows(*range(10)))
            return model.batches

        settings = dataclasses.replace(SMALL, batch_bytes=3 * LENGTH)
        assert [len(batch) for batch in run(scenario, settings)] == [3, 3, 3, 1]

    def test_window_longer_than_a_batch_is_scored_alone(self):
        async def scenario(batcher):
            model = SlowModel()
            await batcher.score(model, windows(1, 2))
            return model.batches

        assert run(scenario, dataclasses.replace(SMALL, batch_bytes=1)) == [[1], [2]]

    def test_rows_wait_at_most_the_delay_for_a_full_batch(self):
        async def scenario(batcher):
            model = SlowModel()
            first = await later(batcher, model, 1)
            second = await later(batcher, model, 2)
            await asyncio.gather(first, second)
            return model.batches

        assert run(scenario, dataclasses.replace(SMALL, delay_seconds=2)) == [[1, 2]]

    def test_full_batch_does_not_wait_for_the_delay(self):
        async def scenario(batcher):
            model = SlowModel()
            await batcher.score(model, windows(*range(8)))
            return model.batches

        assert run(scenario, dataclasses.replace(SMALL, delay_seconds=600)) == [[*range(8)]]

    def test_smaller_priority_is_scored_first(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            first = await later(batcher, model, 1)
            await model.wait_until_it_began()
            tasks = [await later(batcher, model, *[priority] * 8, priority=priority) for priority in (9, 0, 2, 99)]
            model.go_on()
            await asyncio.gather(first, *tasks)
            return [batch[0] for batch in model.batches]

        assert run(scenario) == [1, 2, 0, 9, 99]


class TestFairness:
    def test_models_get_equal_scoring_time(self):
        async def scenario(batcher):
            order = []
            slow, fast = SlowModel(seconds=0.04), SlowModel(seconds=0.01)
            for name, model in (("slow", slow), ("fast", fast)):
                model.answer = lambda rows, name=name, answer=model.answer: order.append(name) or answer(rows)
            await asyncio.gather(batcher.score(slow, windows(*[1] * 64)), batcher.score(fast, windows(*[2] * 64)))
            return order

        order = run(scenario)
        assert order.count("slow") == order.count("fast") == 8
        assert "".join(name[0] for name in order[-4:]) == "ssss"  # the requests of the fast model finished earlier

    def test_busy_model_does_not_delay_another_model(self):
        async def scenario(batcher):
            busy, other = SlowModel(hold=True), SlowModel()
            tasks = [await later(batcher, busy, *[1] * 80)]
            await busy.wait_until_it_began()
            tasks.append(await later(batcher, other, 2))
            busy.go_on(2)
            await tasks[1]
            seen = len(busy.batches)
            busy.go_on()
            await tasks[0]
            return seen

        assert run(scenario) <= 3


class TestOverload:
    def fill(self, settings, then):
        """Runs `then(batcher, model)` while one request is being scored and another of 40 rows is waiting."""

        async def scenario(batcher):
            model = SlowModel(hold=True)
            tasks = [await later(batcher, model, 1)]
            await model.wait_until_it_began()
            tasks.append(await later(batcher, model, *[2] * 40))
            try:
                return await then(batcher, model)
            finally:
                model.go_on()
                await asyncio.gather(*tasks)

        return run(scenario, settings)

    @pytest.mark.parametrize("settings", [{"queue_rows": 50, "rows": 50}, {"queue_bytes": 50 * LENGTH}])
    def test_full_queue_refuses_immediately(self, settings):
        async def then(batcher, model):
            with pytest.raises(OverloadedError, match="Exceeds maximum queue size, 40 rows are waiting") as caught:
                await batcher.score(model, windows(*[3] * 11))
            assert model.batches == [[1]]  # the model still holds the first request
            return caught.value.status, caught.value.retry_after, model.statistics.failures["REJECTED"]

        assert self.fill(dataclasses.replace(SMALL, **settings), then) == (503, 1, 1)

    def test_requests_with_too_long_expected_wait_are_refused(self):
        async def then(batcher, model):
            model.speed.add(1, 0.5)
            with pytest.raises(OverloadedError, match=r"the expected wait of 8.0 seconds is too long, 40 rows are waiting") as caught:
                await batcher.score(model, windows(3))
            with pytest.raises(OverloadedError):
                batcher.check_room(model)
            return caught.value.retry_after

        assert self.fill(SMALL, then) == 8

    def test_request_that_would_time_out_is_refused_immediately(self):
        async def then(batcher, model):
            model.speed.add(1, 0.05)
            with pytest.raises(OverloadedError, match=r"the expected wait of 0.8 seconds is too long"):
                await batcher.score(model, windows(3), within=0.5)
            (await later(batcher, model, 3, within=4.0)).cancel()

        self.fill(SMALL, then)

    def test_small_requests_are_accepted_behind_a_large_one(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            tasks = [await later(batcher, model, *[1] * 900)]
            await model.wait_until_it_began()
            model.speed.add(1, 0.05)
            tasks += [await later(batcher, model, 2), await later(batcher, model, 3, priority=1)]
            with pytest.raises(OverloadedError, match=r"the expected wait of 20\.[89] seconds is too long"):
                await batcher.score(model, windows(*[4] * 200))
            model.go_on()
            return [len(codes(await task)) for task in tasks]

        assert run(scenario, dataclasses.replace(SMALL, rows=1000, queue_rows=2000)) == [900, 1, 1]

    def test_empty_queue_accepts_requests_for_any_estimated_speed(self):
        async def scenario(batcher):
            model = SlowModel()
            model.speed.add(1, 1000.0)
            batcher.check_room(model)
            return codes(await batcher.score(model, windows(1)))

        assert run(scenario) == [1]

    def test_full_queue_of_one_model_does_not_affect_another(self):
        async def then(batcher, model):
            other = await later(batcher, SlowModel(), *[5] * 30)
            model.go_on()
            return len(codes(await other))

        assert self.fill(dataclasses.replace(SMALL, queue_rows=50, rows=50), then) == 30

    def test_closing_batcher_refuses_new_rows_and_scores_waiting_ones(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            tasks = [await later(batcher, model, *[1] * 20)]
            await model.wait_until_it_began()
            closing = asyncio.ensure_future(asyncio.to_thread(batcher.close))
            for _ in range(3000):
                if batcher._closing:
                    break
                await asyncio.sleep(0.01)
            with pytest.raises(OverloadedError, match="the server is shutting down"):
                await batcher.score(model, windows(2))
            model.go_on()
            await closing
            return len(codes(await tasks[0])), batcher.alive

        assert run(scenario) == (20, False)


class TestScorers:
    """Tests with several scoring threads."""

    SETTINGS = dataclasses.replace(SMALL, scorers=3)

    async def held(self, batcher, model, batches):
        """Waits until the given number of batches have started and are held."""
        for _ in range(2000):
            if len(model.batches) == batches:
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"Expected {batches} batches to have begun, got {model.batches}")

    def test_each_scorer_scores_one_batch(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            task = await later(batcher, model, *range(40))
            await self.held(batcher, model, 3)
            begun, waiting = len(model.batches), batcher.waiting(model)
            model.go_on()
            return begun, waiting, codes(await task), batcher._bytes

        assert run(scenario, self.SETTINGS) == (3, (1, 16), [*range(40)], 0)

    def test_device_limit_on_concurrent_batches_holds(self):
        async def scenario(batcher):
            model, neighbour, other = SlowModel(hold=True), SlowModel(), SlowModel()
            for one in (model, neighbour):
                one.device, one.at_once = "gpu", 1
            tasks = [await later(batcher, model, *range(20))]
            await self.held(batcher, model, 1)
            tasks.append(await later(batcher, neighbour, 7))
            answered = codes(await batcher.score(other, windows(5)))  # a free scorer skips the neighbour
            begun = len(model.batches), len(neighbour.batches)
            model.go_on()
            return answered, begun, [codes(await task) for task in tasks]

        assert run(scenario, self.SETTINGS) == ([5], (1, 0), [[*range(20)], [7]])

    def test_model_sets_the_batch_size(self):
        async def scenario(batcher):
            model = SlowModel()
            model.batch_rows = 5
            await batcher.score(model, windows(*range(20)))
            return [len(batch) for batch in model.batches]

        assert run(scenario) == [5, 5, 5, 5]

    def test_large_request_is_divided_among_idle_scorers(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            task = await later(batcher, model, *range(90))
            await self.held(batcher, model, 3)
            model.go_on()
            await task
            return sorted(len(batch) for batch in model.batches)

        assert run(scenario, dataclasses.replace(self.SETTINGS, batch_rows=100)) == [30, 30, 30]

    def test_expected_wait_is_divided_by_the_number_of_scorers(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            task = await later(batcher, model, *range(64))
            await self.held(batcher, model, 3)
            model.speed.add(1, 1.5)
            with pytest.raises(OverloadedError, match=r"the expected wait of 8.0 seconds is too long, 40 rows are waiting"):
                batcher.check_room(model)
            model.go_on()
            await task

        run(scenario, self.SETTINGS)

    def test_close_waits_for_a_model_with_one_batch_at_a_time(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            model.at_once = 1
            task = await later(batcher, model, *range(40))
            await self.held(batcher, model, 1)
            closing = asyncio.ensure_future(asyncio.to_thread(batcher.close))
            model.go_on()
            await asyncio.wait_for(closing, 20)
            return codes(await task)

        assert run(scenario, self.SETTINGS) == [*range(40)]

    @pytest.mark.parametrize("error", [None, RuntimeError("no")])
    def test_many_requests_of_different_sizes_are_answered(self, error):
        async def scenario(batcher):
            models = [SlowModel(seconds=0.0005) for _ in range(3)]
            models[2].at_once, models[2].error = 1, error
            asked = [(models[i % 3], range(i % 50, i % 50 + 1 + i % 37)) for i in range(400)]
            found = await asyncio.gather(*(batcher.score(model, windows(*rows)) for model, rows in asked), return_exceptions=True)
            for (model, rows), answers in zip(asked, found, strict=True):
                assert isinstance(answers, ProtocolError) if model.error else codes(answers) == [*rows]
            return batcher._bytes, batcher._turns.running

        assert run(scenario, dataclasses.replace(self.SETTINGS, queue_rows=100_000)) == (0, 0)


class TestLeaving:
    def test_rows_of_cancelled_requests_are_not_scored(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            first = await later(batcher, model, 1)
            await model.wait_until_it_began()
            gone, stays = await later(batcher, model, *[2] * 30), await later(batcher, model, 3)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
            waiting = batcher.waiting(model)
            model.go_on()
            await asyncio.gather(first, stays)
            return waiting, model.batches, model.statistics.failures["CANCELED"], batcher._bytes

        assert run(scenario) == ((1, 1), [[1], [3]], 1, 0)

    def test_timed_out_request_is_not_scored(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            first = await later(batcher, model, 1)
            await model.wait_until_it_began()
            with pytest.raises(ProtocolError, match=r"Request timeout expired: no answer within 0.1 seconds") as caught:
                await batcher.score(model, windows(2), within=0.1)
            model.go_on()
            await first
            return caught.value.status, model.batches, model.statistics.failures["REJECTED"]

        assert run(scenario) == (503, [[1]], 1)

    def test_settings_limit_the_timeout_of_a_request(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            task = asyncio.ensure_future(batcher.score(model, windows(1), within=1000))
            with pytest.raises(ProtocolError, match=r"within 0.1 seconds"):
                await task
            model.go_on()

        run(scenario, dataclasses.replace(SMALL, timeout_seconds=0.1))

    def test_request_cancelled_during_scoring_is_not_counted_as_answered(self):
        async def scenario(batcher):
            model = SlowModel(hold=True)
            task = await later(batcher, model, *[1] * 20)
            await model.wait_until_it_began()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            model.go_on()
            await batcher.score(model, windows(2))
            return model.statistics.success.count, model.statistics.failures["CANCELED"], batcher._bytes

        assert run(scenario) == (1, 1, 0)


class TestFailures:
    def test_failing_model_fails_only_the_requests_of_the_batch(self):
        async def scenario(batcher):
            bad, good = SlowModel(), SlowModel()
            bad.error = RuntimeError("no\nmemory")
            with pytest.raises(ProtocolError, match=r"^no memory$") as caught:
                await batcher.score(bad, windows(*[1] * 20))
            bad.error = None
            return caught.value.status, codes(await batcher.score(bad, windows(2))), codes(await batcher.score(good, windows(3))), bad

        status, again, other, bad = run(scenario)
        assert (status, again, other) == (503, [2], [3])
        assert bad.statistics.failures["BACKEND"] == 1

    def test_error_without_message_has_its_class_name(self):
        async def scenario(batcher):
            model = SlowModel()
            model.error = MemoryError()
            with pytest.raises(ProtocolError, match="MemoryError"):
                await batcher.score(model, windows(1))

        run(scenario)


def test_statistics_separate_waiting_from_scoring():
    async def scenario(batcher):
        model = SlowModel(seconds=0.05)
        await asyncio.gather(*(batcher.score(model, windows(*[i] * 8)) for i in range(4)))
        return model.statistics

    statistics = run(scenario)
    assert (statistics.success.count, statistics.rows, statistics.executions) == (4, 32, 4)
    assert statistics.compute.compute_infer.ns >= 4 * 50_000_000
    assert statistics.queue.ns >= (1 + 2 + 3) * 50_000_000
    assert statistics.success.ns >= statistics.queue.ns + statistics.compute.compute_infer.ns


class Ticking(SlowModel):
    """Model that needs one second per batch by its own clock."""

    now = 0.0

    def answer(self, windows):
        self.now += 1
        return super().answer(windows)

    def score(self, rows):
        async def scenario():
            batcher = Batcher(SMALL, clock=lambda: self.now)
            batcher.start()
            try:
                await asyncio.wait_for(batcher.score(self, windows(*range(rows))), 30)
            finally:
                await asyncio.to_thread(batcher.close)

        asyncio.run(scenario())


def test_speed_is_measured():
    model = Ticking()
    model.score(8)
    assert model.speed.seconds_per_row == 1 / 8


def test_waiting_time_ends_with_the_first_batch_of_a_request():
    model = Ticking()
    model.score(16)
    statistics = model.statistics
    assert (statistics.executions, statistics.queue.ns, statistics.success.ns) == (2, 0, 2_000_000_000)
