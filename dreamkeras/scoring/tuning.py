"""How many windows at once and how many threads are fastest here, from a measurement of seconds. Knows nothing about ONNX."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.scoring.cpus import available_cpus
from dreamkeras.scoring.scorer import BATCH_SIZE, Scorer
from dreamkeras.sequence.alphabet import BASE_CODES

__all__ = ["BATCH_SIZES", "Tuned", "batch_times", "rate", "thread_counts", "tune"]

BATCH_SIZES = tuple(2**power for power in range(4, 13))
"""16 to 4,096: CPUs gain nothing beyond the first few, GPUs much."""

GAIN = 1.05
"""How many times faster something has to be to be worth more memory or threads: repeated measurements differ by a few hundredths."""

SECONDS = 0.2
"""How long each choice is measured, if one batch does not take longer."""


class Tuned(NamedTuple):
    """The fastest choice: a scorer with so many threads, each of which scores a part of a batch, and the windows a second."""

    scorer: Scorer
    batch_size: int
    threads: int
    rate: float

    def __str__(self) -> str:
        """One line for people."""
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"Measured {self.rate:,.0f} a second with {self.batch_size:,} sequences at once and {threads}."


def thread_counts() -> tuple[int, ...]:
    """All CPUs of this process, and half of them: two that are one core's may be slower than one."""
    cpus = available_cpus()
    return (cpus, cpus // 2) if cpus > 1 else (cpus,)


def tune(load: Callable[[int], Scorer], threads: Sequence[int], batch_sizes: Sequence[int], seconds: float = SECONDS) -> Tuned:
    """Measures threads at a common batch size, then batch sizes as long as larger ones gain.

    Args:
        load: Opens the model with so many threads.
        threads: Which to try, at least one; the first is taken unless another is faster.
        batch_sizes: Which to try, ascending, at least one; two in a row that gain nothing end it.
        seconds: How long each choice is measured, if two batches do not take longer.
    """
    usual = BATCH_SIZE if threads[1:] and BATCH_SIZE in batch_sizes else batch_sizes[0]
    best = _measured(load(threads[0]), usual, threads[0], seconds)
    for count in threads[1:]:
        other = _measured(load(count), usual, count, seconds)
        best = other if other.rate > GAIN * best.rate else best
    scorer, count = best.scorer, best.threads
    best = best if batch_sizes[0] == usual else _measured(scorer, batch_sizes[0], count, seconds)
    idle = 0
    for batch_size in batch_sizes[1:]:
        try:
            larger = _measured(scorer, batch_size, count, seconds)
        except ModelError:  # memory is full: the smaller sizes remain
            break
        gained = larger.rate > GAIN * best.rate
        best, idle = (larger, 0) if gained else (best, idle + 1)
        if idle == 2:
            break
    return best


def rate(scorer: Scorer, batch_size: int, seconds: float = SECONDS) -> float:
    """Windows a second, by the fastest of some batches; see `batch_times`."""
    return batch_size / min(batch_times(scorer, batch_size, seconds))


def batch_times(scorer: Scorer, batch_size: int, seconds: float) -> list[float]:
    """Seconds of each of the batches of random windows that fit into `seconds`, two at least; one before them does not count."""
    random = np.random.default_rng(0)
    windows = [random.choice(BASE_CODES, (batch_size, construct.length)) for construct in scorer.constructs]
    scorer.score_windows(windows, batch_size)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 2 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        scorer.score_windows(windows, batch_size)
        times.append(time.perf_counter() - start)
    return times


def _measured(scorer: Scorer, batch_size: int, threads: int, seconds: float) -> Tuned:
    return Tuned(scorer, batch_size, threads, rate(scorer, batch_size, seconds))
