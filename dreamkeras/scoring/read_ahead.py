"""An iterator computed ahead in a thread, so that reading goes on while ONNX Runtime, which releases the GIL, computes."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

__all__ = ["read_ahead"]

Item = TypeVar("Item")

POLL = 0.1
"""Seconds after which a reader that waits for room looks whether it is still wanted."""


def read_ahead(items: Iterable[Item], depth: int = 2) -> Generator[Item]:
    """The same items in the same order, at most `depth` of them ready in advance.

    An exception in `items` is raised here after the items before it. Closing this iterator ends the thread.

    Args:
        items: What to read, iterated in the thread.
        depth: How many items wait at most.

    Example:
        >>> list(read_ahead([1, 2, 3]))
        [1, 2, 3]
    """
    ready: queue.Queue[tuple[str, object]] = queue.Queue(depth)
    unwanted = threading.Event()
    # A daemon: a thread that waits for a pipe must not keep an interrupted process alive.
    thread = threading.Thread(target=_read, args=(items, ready, unwanted), name="read-ahead", daemon=True)
    thread.start()
    try:
        while (message := ready.get())[0] == "item":
            yield message[1]  # type: ignore[misc]
        if isinstance(message[1], BaseException):
            raise message[1]
    finally:
        unwanted.set()
        thread.join(timeout=10 * POLL)


def _read(items: Iterable[object], ready: "queue.Queue[tuple[str, object]]", unwanted: threading.Event) -> None:
    try:
        for item in items:
            if not _put(("item", item), ready, unwanted):
                return
    except BaseException as error:  # noqa: BLE001 - raised anew where the items are used
        _put(("end", error), ready, unwanted)
    else:
        _put(("end", None), ready, unwanted)


def _put(message: tuple[str, object], ready: "queue.Queue[tuple[str, object]]", unwanted: threading.Event) -> bool:
    """Waits for room; False when nobody wants the message any more."""
    while not unwanted.is_set():
        try:
            ready.put(message, timeout=POLL)
        except queue.Full:
            continue
        return True
    return False
