import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.training.epochs.metrics import PearsonR


def pairs(n, tasks=1, seed=0, shift=0.0):
    """Returns correlated measured and predicted values, each (n, tasks)."""
    generator = np.random.default_rng(seed)
    measured = generator.normal(size=(n, tasks)).astype(np.float32) + shift
    return measured, (0.5 * measured + generator.normal(size=(n, tasks)) + shift).astype(np.float32)


def over_batches(metric, measured, predicted, cuts):
    for part in zip(np.split(measured, cuts), np.split(predicted, cuts), strict=True):
        if len(part[0]):
            metric.update_state(*part)
    return float(metric.result())


class TestValue:
    @settings(max_examples=15, deadline=None)
    @given(n=st.integers(3, 60), cuts=st.lists(st.integers(0, 60), max_size=4), seed=st.integers(0, 1000))
    def test_r_over_batches_equals_numpy(self, n, cuts, seed):
        measured, predicted = pairs(n, seed=seed)
        expected = np.corrcoef(measured[:, 0], predicted[:, 0])[0, 1]
        came = over_batches(PearsonR(), measured, predicted, sorted(min(cut, n) for cut in cuts))
        assert came == pytest.approx(expected, abs=1e-5)

    def test_a_large_mean_does_not_reduce_precision(self):
        measured, predicted = pairs(512, shift=1000.0)
        assert over_batches(PearsonR(), measured, predicted, [100, 200]) == pytest.approx(
            np.corrcoef(measured[:, 0], predicted[:, 0])[0, 1], abs=1e-4
        )

    def test_several_tasks_are_averaged(self):
        measured, predicted = pairs(40, tasks=3)
        expected = np.mean([np.corrcoef(measured[:, i], predicted[:, i])[0, 1] for i in range(3)])
        assert over_batches(PearsonR(3), measured, predicted, [10]) == pytest.approx(expected, abs=1e-5)

    def test_missing_values_are_ignored(self):
        measured, predicted = pairs(40, tasks=2)
        gaps = np.random.default_rng(1).random(measured.shape) < 0.4
        gaps[:10, 1] = True  # a batch without values
        expected = np.mean([np.corrcoef(measured[~gap, i], predicted[~gap, i])[0, 1] for i, gap in enumerate(gaps.T)])
        assert over_batches(PearsonR(2), np.where(gaps, np.nan, measured), predicted, [10, 25]) == pytest.approx(expected, abs=1e-5)

    def test_perfect_and_inverted_predictions(self):
        measured, _ = pairs(20)
        assert over_batches(PearsonR(), measured, 3 * measured + 1, [7]) == pytest.approx(1, abs=1e-6)
        assert over_batches(PearsonR(), measured, -measured, [7]) == pytest.approx(-1, abs=1e-6)

    @pytest.mark.parametrize("constant", [0, 1])
    def test_a_constant_column_has_an_r_of_0(self, constant):
        columns = [*pairs(20)]
        columns[constant] = np.full((20, 1), 3, np.float32)
        assert over_batches(PearsonR(), *columns, [5]) == 0

    def test_r_is_0_before_the_first_batch(self):
        assert float(PearsonR().result()) == 0

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision_is_summed_in_float32(self, dtype):
        measured, predicted = pairs(400, shift=8.0)
        rounded = keras.ops.cast(predicted, dtype)
        metric = PearsonR()
        metric.update_state(measured, rounded)
        exact = keras.ops.convert_to_numpy(keras.ops.cast(rounded, "float32"))
        assert float(metric.result()) == pytest.approx(np.corrcoef(measured[:, 0], exact[:, 0])[0, 1], abs=1e-4)


@pytest.mark.parametrize(("scale", "offset"), [(1e-25, 0), (1e25, 0), (1, 3e5)])
def test_targets_of_any_scale_are_standardised(scale, offset):
    measured, predicted = ((scale * values.astype(np.float64) + offset).astype(np.float32) for values in pairs(100, tasks=2))
    measured[:9, 1] = np.nan
    parts = [(measured[:, 0], predicted[:, 0]), (measured[9:, 1], predicted[9:, 1])]
    expected = np.mean([np.corrcoef(*(values.astype(np.float64) / scale for values in part))[0, 1] for part in parts])
    assert over_batches(PearsonR.for_targets(measured), measured, predicted, [30]) == pytest.approx(expected, abs=1e-4)


def test_constant_targets_have_scale_1():
    assert PearsonR.for_targets(np.full((4, 1), 7, np.float32)).scale == [1]


def test_the_scale_of_targets_below_the_normal_numbers_of_float32_is_1():
    assert PearsonR.for_targets(np.array([[1e-40], [3e-40]], np.float32)).scale == [1]


def test_reset_clears_the_state():
    metric = PearsonR()
    over_batches(metric, *pairs(30, seed=1), [])
    metric.reset_state()
    assert float(metric.result()) == 0
    measured, predicted = pairs(30, seed=2)
    assert over_batches(metric, measured, predicted, [4]) == pytest.approx(np.corrcoef(measured[:, 0], predicted[:, 0])[0, 1], abs=1e-5)


def test_config_round_trip():
    copy = keras.metrics.deserialize(keras.metrics.serialize(PearsonR(3, [1, 2, 3], 2.0, name="correlation")))
    assert isinstance(copy, PearsonR)
    assert (copy.tasks, copy.offset, copy.scale, copy.name) == (3, [1, 2, 3], 2.0, "correlation")
    assert over_batches(copy, *pairs(20, tasks=3), []) != 0


def test_fit_reports_the_metric():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse", metrics=[PearsonR()])
    measured, predicted = pairs(30, tasks=2)
    history = model.fit(predicted, measured[:, :1], batch_size=30, verbose=0).history
    assert -1 <= history["r"][0] <= 1
