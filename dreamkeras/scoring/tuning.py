"""Measures which batch size and number of threads are fastest on this machine. The module does not import onnxruntime."""

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
"""Batch sizes from 16 to 4,096. Batch sizes above 64 are hardly faster on CPUs, but much faster on GPUs."""

GAIN = 1.05
"""Minimum speed-up that justifies more memory or threads. Smaller gains may be chance: repeated measurements differ by a few per cent."""

SECONDS = 0.2
"""Default time in seconds for the measurement of each combination of batch size and number of threads."""


class Tuned(NamedTuple):
    """The fastest combination of batch size and number of threads.

    Args:
        scorer: The scorer, opened with `threads` threads.
        batch_size: Number of windows scored at a time.
        threads: Number of threads, each of which scores a part of a batch.
        rate: Windows per second.
    """

    scorer: Scorer
    batch_size: int
    threads: int
    rate: float

    def __str__(self) -> str:
        """Describes the fastest combination in one sentence."""
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"Measured {self.rate:,.0f} sequences per second with batch size {self.batch_size:,} and {threads}."


def thread_counts() -> tuple[int, ...]:
    """Returns the numbers of threads to try: the number of CPUs, and half of this number.

    If a core has two hardware threads, using one of them may be faster than using both.
    """
    cpus = available_cpus()
    return (cpus, cpus // 2) if cpus > 1 else (cpus,)


def tune(load: Callable[[int], Scorer], threads: Sequence[int], batch_sizes: Sequence[int], seconds: float = SECONDS) -> Tuned:
    """Finds the fastest number of threads for one batch size, and then the fastest batch size for this number of threads.

    Args:
        load: Function that opens the model with a given number of threads.
        threads: Numbers of threads to try, at least one. The first number is used unless the model is faster with another one.
        batch_sizes: Batch sizes to try, ascending, at least one. The search ends after two sizes in a row without a gain.
        seconds: Time in seconds for the measurement of each combination of batch size and number of threads. At least
            two batches are always measured.

    Returns:
        The fastest combination.
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
        except ModelError:  # The memory does not suffice, so the best smaller batch size is used.
            break
        gained = larger.rate > GAIN * best.rate
        best, idle = (larger, 0) if gained else (best, idle + 1)
        if idle == 2:
            break
    return best


def rate(scorer: Scorer, batch_size: int, seconds: float = SECONDS) -> float:
    """Returns the number of windows per second in the fastest of several batches; see `batch_times`."""
    return batch_size / min(batch_times(scorer, batch_size, seconds))


def batch_times(scorer: Scorer, batch_size: int, seconds: float) -> list[float]:
    """Scores batches of random windows for `seconds`, and returns the time of each batch in seconds.

    The first batch warms up the model and is not measured. At least two batches are measured.
    """
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
