import math
import warnings

import keras
import numpy as np
import pytest

from dreamkeras.training.strategy.schedules import Noam, OneCycle


def closed_form(start, peak, end, steps, rise, step):
    """Computes the cycle of Smith and Topin in float64: two half cosines that meet at step `rise * steps - 1`."""
    top, last = rise * steps - 1, steps - 1
    if step <= top:
        begin, until, share = start, peak, step / top
    else:
        begin, until, share = peak, end, (step - top) / (last - top)
    return until + (begin - until) / 2 * (1 + math.cos(math.pi * share))


def values(schedule, steps):
    return np.array([float(keras.ops.convert_to_numpy(schedule(step))) for step in range(steps)])


CYCLES = [(0.0002, 0.005, 2e-8, 10, 0.3), (0.0002, 0.005, 2e-8, 37, 0.3), (0.95, 0.85, 0.95, 24, 0.3), (1.0, 3.0, 0.0, 20, 0.5)]


@pytest.mark.parametrize("cycle", CYCLES)
def test_every_step_is_the_closed_form(cycle):
    expected = [closed_form(*cycle, step) for step in range(cycle[3])]
    np.testing.assert_allclose(values(OneCycle(*cycle), cycle[3]), expected, rtol=1e-4, atol=1e-6 * max(cycle[:3]))


@pytest.mark.parametrize(("steps", "rise"), [(10, 0.3), (37, 0.3), (50, 0.25), (3, 0.3), (1, 0.3)])
def test_every_step_equals_torch(steps, rise):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    options = {"max_lr": 0.005, "total_steps": steps, "pct_start": rise, "base_momentum": 0.85, "max_momentum": 0.95}
    rates, momenta = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns if the schedule steps before the optimiser
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, **options)
        for step in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(optimizer.param_groups[0]["betas"][0])
            if step < steps - 1:
                schedule.step()
    start = 0.005 / 25
    np.testing.assert_allclose(values(OneCycle(start, 0.005, start / 1e4, steps, rise), steps), rates, rtol=1e-4, atol=5e-9)
    np.testing.assert_allclose(values(OneCycle(0.95, 0.85, 0.95, steps, rise), steps), momenta, rtol=1e-6)


class TestEnds:
    def test_starts_at_start_and_ends_at_end(self):
        came = values(OneCycle(1.0, 3.0, 0.5, 40), 40)
        assert (came[0], came[-1]) == (1.0, 0.5)

    def test_peak_is_the_maximum(self):
        came = values(OneCycle(1.0, 3.0, 0.5, 20, rise=0.5), 20)
        assert came.max() == came[9] == 3.0

    def test_stays_at_end_after_the_last_step(self):
        schedule = OneCycle(1.0, 3.0, 0.5, 10)
        assert [float(schedule(step)) for step in (9, 10, 1000)] == [0.5, 0.5, 0.5]

    def test_accepts_tensors(self):
        schedule = OneCycle(1.0, 3.0, 0.5, 10)
        assert float(schedule(keras.ops.convert_to_tensor(4))) == float(schedule(4))


def test_config_round_trip():
    schedule = OneCycle(1.0, 3.0, 0.5, 20, rise=0.4)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert copy.get_config() == schedule.get_config() == {"start": 1.0, "peak": 3.0, "end": 0.5, "steps": 20, "rise": 0.4}


@pytest.mark.parametrize(("steps", "rise"), [(0, 0.3), (-1, 0.3), (10, 0), (10, 1), (10, 1.5), (10, float("nan"))])
def test_invalid_cycles_are_refused(steps, rise):
    with pytest.raises(ValueError, match=f"got {steps} steps and a rise of {rise}"):
        OneCycle(1.0, 3.0, 0.5, steps, rise)


class TestNoam:
    def test_every_step_is_that_of_the_paper(self):
        width, rise = 256, 50
        schedule = Noam((width * rise) ** -0.5, rise)
        steps = np.arange(1, 301, dtype=np.float64)
        np.testing.assert_allclose(values(schedule, 300), width**-0.5 * np.minimum(steps**-0.5, steps * rise**-1.5), rtol=1e-5)

    def test_peak_is_reached_at_the_end_of_the_rise(self):
        came = values(Noam(3.0, 7), 30)
        assert came.argmax() == 6
        assert came.max() == pytest.approx(3.0)

    def test_config_round_trip(self):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(Noam(0.5, 7)))
        assert copy.get_config() == {"peak": 0.5, "rise": 7}

    def test_a_rise_of_0_steps_is_refused(self):
        with pytest.raises(ValueError, match="Expected a rise of at least 1 step, got 0"):
            Noam(1.0, 0)
