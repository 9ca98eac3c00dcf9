import itertools
import threading
import time

import pytest

from dreamkeras.scoring.read_ahead import read_ahead


def wait_until(fact, seconds=5):
    deadline = time.monotonic() + seconds
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.005)
    return fact()


def no_reader_lives():
    return not any(thread.name == "read-ahead" for thread in threading.enumerate())


@pytest.mark.parametrize("number", [0, 1, 2, 3, 100])
def test_items_and_their_order_are_kept(number):
    assert list(read_ahead(range(number))) == list(range(number))


def test_none_is_an_item_like_any_other():
    assert list(read_ahead([None, 1, None])) == [None, 1, None]


def test_no_more_than_the_depth_is_read_in_advance():
    read = []
    items = read_ahead((read.append(i) or i for i in itertools.count()), depth=2)
    next(items)
    assert wait_until(lambda: len(read) == 4)  # one handed out, two waiting, one in the reader's hand
    time.sleep(0.05)
    assert len(read) == 4
    items.close()


def test_exception_comes_after_the_items_before_it():
    def failing():
        yield 1
        yield 2
        raise ValueError("broken")

    items = read_ahead(failing())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="broken") as caught:
        next(items)
    assert "failing" in [entry.name for entry in caught.traceback]


def test_thread_ends_with_its_items():
    list(read_ahead([1]))
    assert wait_until(no_reader_lives)


def test_thread_ends_and_source_is_closed_when_nobody_reads_on():
    closed = threading.Event()

    def endless():
        try:
            yield from itertools.count()
        finally:
            closed.set()

    items = read_ahead(endless())
    next(items)
    items.close()
    assert closed.wait(5)
    assert wait_until(no_reader_lives)


def test_nothing_is_read_before_the_first_item_is_asked_for():
    read = []
    read_ahead(read.append(1) for _ in range(3))
    assert not read


def test_reader_that_waits_for_ever_does_not_hold_up_closing():
    never = threading.Event()

    def stuck():
        yield 1
        never.wait()

    items = read_ahead(stuck())
    next(items)
    started = time.monotonic()
    items.close()
    assert time.monotonic() - started < 3
    never.set()
