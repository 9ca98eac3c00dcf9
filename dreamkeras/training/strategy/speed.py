"""Measures the speed of a training run on a network that is discarded afterwards."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import keras
import numpy as np

from dreamkeras.training.strategy.length import Speed

__all__ = ["measure_speed"]

MEASURED = 2.0
"""Duration of the measurement in seconds, after the first step."""

FEWEST_STEPS = 3
"""Number of steps that are measured at least, after the first step."""

MOST_STEPS = 1000
"""Number of steps that are measured at most."""

PREDICTED = 4
"""Number of batches whose prediction is measured."""


class _StepClock(keras.callbacks.Callback):
    """Callback that records the times at which steps end, and stops the training when enough steps are measured."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for the result, because JAX computes asynchronously
        self.ends.append(perf_counter())
        if len(self.ends) > FEWEST_STEPS and self.ends[-1] - self.ends[0] >= MEASURED:
            self.model.stop_training = True


def measure_speed(
    model: keras.Model, batches: Iterator[Any], predict: Callable[[np.ndarray], np.ndarray], letters: np.ndarray, batch_size: int
) -> Speed:
    """Measures the duration of training steps and of the validation.

    The measurement changes the weights, the optimiser and the random state. Discard the network and set the random seed again.

    Args:
        model: Compiled network.
        batches: Training batches.
        predict: Function that predicts all windows that it receives.
        letters: Validation windows, uint8 (n, length). A part of them is predicted.
        batch_size: Number of windows predicted at a time.
    """
    began, clock = perf_counter(), _StepClock()
    model.fit(batches, steps_per_epoch=MOST_STEPS, epochs=1, shuffle=False, verbose=0, callbacks=[clock])
    step = (clock.ends[-1] - clock.ends[0]) / (len(clock.ends) - 1)
    part = letters[: PREDICTED * batch_size]
    marks = [perf_counter()]
    for _ in range(2):
        predict(part)
        marks.append(perf_counter())
    first, second = np.diff(marks).tolist()
    startup = max(0.0, clock.ends[0] - began - step) + max(0.0, first - second)
    share = -(-len(letters) // batch_size) / -(-len(part) // batch_size)
    return Speed(startup, step, second * share, marks[-1] - began)
