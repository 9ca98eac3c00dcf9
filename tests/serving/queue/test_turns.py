import math

import numpy as np
import pytest

from dreamkeras.serving.queue.jobs import Job
from dreamkeras.serving.queue.turns import Batch, Turns
from dreamkeras.serving.settings import Settings
from dreamkeras.serving.statistics import ScoringSpeed, Statistics

LENGTH = 4
SETTINGS = Settings(batch_rows=32, delay_seconds=0.5)


class Model:
    def __init__(self, seconds_per_row=0.0, device="cpu", at_once=math.inf):
        self.statistics, self.speed, self.batch_rows = Statistics(), ScoringSpeed(), 1000
        self.device, self.at_once = device, at_once
        self.speed.add(1, seconds_per_row)


@pytest.fixture
def turns():
    return Turns(SETTINGS, scorers=3)


def put(turns, model, rows, queued=0.0):
    queue = turns.open(model, LENGTH)
    queue.add(Job(np.zeros((rows, LENGTH), np.uint8), None, queued, 5))
    return queue


def take(turns, now=0.0, *, hurry=True):
    batch = turns.next(now, hurry=hurry)
    assert isinstance(batch, Batch)
    return batch


def test_incomplete_batch_waits_for_the_delay(turns):
    put(turns, Model(), 5, queued=1.0)
    assert turns.next(1.2, hurry=False) == 1.5
    assert take(turns, 1.5, hurry=False).rows == 5


def test_full_and_final_batches_do_not_wait(turns):
    put(turns, Model(), 40, queued=1.0)
    assert take(turns, 1.0, hurry=False).rows == 16
    put(turns, Model(), 1, queued=1.0)
    assert take(turns, 1.0).rows == 16


def test_no_rows_give_no_batch(turns):
    assert turns.empty
    assert turns.next(0.0, hurry=True) is None


@pytest.mark.parametrize(("rows", "sizes"), [(90, [30, 30, 30]), (40, [16, 16, 8]), (300, [32, 32, 32])])
def test_rows_are_divided_among_idle_scorers(turns, rows, sizes):
    put(turns, Model(), rows)
    assert [take(turns).rows for _ in sizes] == sizes


def test_number_of_batches_is_limited_to_the_scorers(turns):
    put(turns, Model(), 300)
    for _ in range(3):
        batch = take(turns)
    assert turns.next(0.0, hurry=True) is None
    turns.end(batch, 0.1)
    assert (turns.running, take(turns).rows) == (2, 32)


def test_models_on_one_device_share_its_limit(turns):
    first, second, elsewhere = Model(device="gpu", at_once=1), Model(device="gpu", at_once=1), Model()
    for model in (first, second):
        put(turns, model, 5)
    batch = take(turns)
    assert turns.next(0.0, hurry=True) is None
    put(turns, elsewhere, 5)
    assert take(turns).model is elsewhere
    turns.end(batch, 0.1)
    assert {batch.model, take(turns).model} == {first, second}


def test_next_model_has_used_the_least_time_including_running_batches(turns):
    slow, fast = Model(seconds_per_row=1.0), Model(seconds_per_row=0.01)
    for model in (slow, fast):
        put(turns, model, 1000)
    assert {take(turns).model for _ in range(2)} == {slow, fast}
    assert take(turns).model is fast


def test_scoring_time_is_kept_while_a_batch_runs(turns):
    slow, fast = Model(), Model()
    put(turns, slow, 1)
    batch = take(turns)
    put(turns, fast, 1)
    assert take(turns).model is fast
    turns.end(batch, 5.0)
    assert turns.next(0.0, hurry=True) is None
    put(turns, slow, 1)
    put(turns, fast, 1)
    assert take(turns).model is fast


def test_new_model_gets_no_credit_for_earlier_time(turns):
    first, second = Model(), Model()
    put(turns, first, 1)
    turns.end(take(turns), 1000.0)
    put(turns, first, 1)
    turns.end(take(turns), 1.0)
    assert turns.next(0.0, hurry=True) is None
    assert put(turns, second, 1).used == 1000
    assert put(turns, first, 1).used == 1001


def test_measured_time_replaces_the_estimate(turns):
    model = Model(seconds_per_row=1.0)
    queue = put(turns, model, 5)
    batch = take(turns)
    assert queue.used == 5
    turns.end(batch, 0.25)
    assert queue.used == 0.25


def test_expected_wait_depends_on_scorers_and_other_models(turns):
    model = Model(seconds_per_row=0.3)
    queue = put(turns, model, 40)
    assert turns.wait(model, queue, 48, 5) == pytest.approx(4.0)
    put(turns, Model(), 1)
    assert turns.wait(model, queue, 48, 5) == pytest.approx(8.0)
    model.at_once = 1
    assert turns.wait(model, queue, 48, 5) == pytest.approx(24.0)


def test_first_queue_starts_with_no_time(turns):
    queue = turns.open(Model(), LENGTH)
    assert (queue.used, queue.since, queue.rows) == (0, 0, 0)
