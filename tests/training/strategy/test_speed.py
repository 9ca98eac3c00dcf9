import itertools

import keras
import numpy as np
import pytest

from dreamkeras.training.strategy import speed
from dreamkeras.training.strategy.speed import measure_speed


def batches():
    while True:
        yield np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model


def measure(model, monkeypatch, times, windows):
    """Measures with a clock that shows the given times."""
    shown, predicted = iter(times), []
    monkeypatch.setattr(speed, "perf_counter", lambda: next(shown))
    found = measure_speed(model, batches(), lambda letters: predicted.append(len(letters)), np.zeros((windows, 5), np.uint8), 8)
    assert next(shown, None) is None
    return found, predicted


def test_the_speed_is_computed_from_the_times_of_steps_and_predictions(model, monkeypatch):
    # start, ends of 4 steps, start of the predictions, ends of both
    found, predicted = measure(model, monkeypatch, [100, 106, 107, 108, 109, 110, 115, 117], 100)
    assert found.step == pytest.approx(1)
    assert found.startup == pytest.approx((6 - 1) + (5 - 2))
    assert found.validation == pytest.approx(2 * 13 / 4)  # 13 batches, of which 4 were predicted
    assert found.spent == 17
    assert predicted == [32, 32]
    assert int(model.optimizer.iterations) == 4


def test_a_few_windows_are_all_predicted(model, monkeypatch):
    found, predicted = measure(model, monkeypatch, [0, 1, 2, 3, 4, 5, 6, 7], 3)
    assert (found.validation, predicted) == (1, [3, 3])


def test_fast_steps_are_measured_for_a_while(model, monkeypatch):
    found, _ = measure(model, monkeypatch, [*itertools.accumulate([0, 5, *[0.125] * 16]), 10, 11, 12], 3)
    assert found.step == pytest.approx(0.125)
    assert int(model.optimizer.iterations) == 17
