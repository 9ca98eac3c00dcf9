import numpy as np
import pytest

from dreamkeras.serving.errors import OverloadedError
from dreamkeras.serving.queue.admission import check_queue, refusal
from dreamkeras.serving.queue.jobs import Job
from dreamkeras.serving.queue.queues import ModelQueue
from dreamkeras.serving.settings import Settings

SETTINGS = Settings(rows=10, queue_rows=100, queue_bytes=1000, queue_seconds=5)


def check(rows=1, held=0, wait=0.0, within=60.0, waiting=0):
    queue = ModelQueue(10)
    queue.add(Job(np.zeros((waiting, 10), np.uint8), None, 0.0, 5))
    check_queue(SETTINGS, queue, rows, held, wait, within)


@pytest.mark.parametrize(
    "fits",
    [
        {"rows": 10, "waiting": 90},
        {"rows": 10, "held": 900},
        {"rows": 100, "held": 0},
        {"wait": 5.0},
        {"wait": 1.0, "within": 1.0},
    ],
)
def test_rows_within_the_limits_are_accepted(fits):
    check(**fits)


def test_first_request_is_accepted_regardless_of_its_size():
    queue = ModelQueue(5000)
    check_queue(SETTINGS, queue, 1, 0, 0.0, 60.0)
    with pytest.raises(OverloadedError):
        check_queue(SETTINGS, queue, 1, 1, 0.0, 60.0)


@pytest.mark.parametrize(
    ("too_much", "reason", "retry_after"),
    [
        ({"rows": 11, "waiting": 90}, "Exceeds maximum queue size, 90 rows are waiting.", 1),
        ({"rows": 10, "held": 901}, "Exceeds maximum queue size, 0 rows are waiting.", 1),
        ({"wait": 5.1, "waiting": 3}, "the expected wait of 5.1 seconds is too long, 3 rows are waiting.", 6),
        ({"wait": 1.5, "within": 1.0, "waiting": 3}, "the expected wait of 1.5 seconds is too long, 3 rows are waiting.", 2),
    ],
)
def test_rows_beyond_the_limits_are_refused_with_a_time_to_retry(too_much, reason, retry_after):
    with pytest.raises(OverloadedError) as caught:
        check(**too_much)
    assert str(caught.value) == f"Request refused: {reason}"
    assert (caught.value.status, caught.value.retry_after) == (503, retry_after)


def test_refusal_states_the_reason():
    assert str(refusal("the server is shutting down")) == "Request refused: the server is shutting down."
