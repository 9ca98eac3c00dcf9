"""An event loop whose time passes only while nothing else can run, so that results do not depend on the speed of the machine."""

import asyncio

__all__ = ["run"]


class VirtualLoop(asyncio.SelectorEventLoop):
    """Event loop that jumps to its next timer as soon as no task can run. Not for code that waits for threads or sockets."""

    def __init__(self):
        super().__init__()
        self._now = 0.0

    def time(self):
        return self._now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0].when())
        super()._run_once()


def run(coroutine):
    """Returns the result of a coroutine that is run in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
