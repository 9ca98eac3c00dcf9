import keras
import numpy as np
import pytest
from keras import ops
from keras_arrays import random_letters
from profile_network import build_profile_network, windows

from dreamkeras.data.examples import Examples
from dreamkeras.errors import ModelError
from dreamkeras.training.epochs.callbacks import (
    AveragedWeights,
    Checkpoint,
    EpochSeed,
    History,
    LastStep,
    Recorder,
    Validation,
    predict_letters,
)
from dreamkeras.training.epochs.checkpoint import TrainingState, read_checkpoint
from dreamkeras.training.epochs.profiles import epoch_figures


def counting_predictor(length=4):
    """Counts the letters A and C of a window, as a model with two tasks."""
    letters = keras.Input((length,), dtype="uint8")
    return keras.Model(letters, Count()(letters))


class Count(keras.layers.Layer):
    def call(self, letters):
        return ops.stack(
            [ops.sum(ops.cast(ops.equal(ops.cast(letters, "int32"), ord(letter)), "float32"), axis=1) for letter in "AC"], axis=1
        )

    def compute_output_shape(self, shape):
        return (shape[0], 2)


def counts(letters):
    return np.stack([(letters == ord(letter)).sum(1) for letter in "AC"], 1).astype(np.float32)


class Model:
    """Stand-in with the attributes of a model that `Recorder` uses."""

    stop_training = False
    optimizer = keras.optimizers.SGD(0.25)
    variables = ()


def recorder(state, patience=None):
    callback = Recorder(state, patience)
    callback.set_model(Model())
    callback.on_epoch_begin(0)
    return callback


@pytest.mark.parametrize("rows", [1, 7, 8, 9])
def test_predict_letters_pads_the_last_batch(rows):
    letters = random_letters(rows, 4)
    came = predict_letters(counting_predictor(), letters, batch_size=8)
    np.testing.assert_array_equal(came, counts(letters))


class TestValidation:
    letters = random_letters(20, 4)
    noise = np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)

    def logs(self, targets):
        examples = Examples([""] * 20, self.letters, targets, np.zeros((20, 0), np.float32), np.full(20, 4, np.int32))
        logs = {"loss": 1.0}
        Validation(counting_predictor(), examples, 8, ("a", "c"), np.array([2.0, 4.0]), TrainingState()).on_epoch_end(0, logs)
        return logs

    def test_adds_means_over_tasks_and_the_metrics_of_each(self):
        targets = counts(self.letters) + self.noise
        logs = self.logs(targets)
        expected = [np.corrcoef(counts(self.letters)[:, task], targets[:, task])[0, 1] for task in range(2)]
        assert logs["val_r"] == pytest.approx(np.mean(expected), abs=1e-6)
        assert [logs["val_r_a"], logs["val_r_c"]] == pytest.approx(expected, abs=1e-6)
        assert logs["val_mse"] == pytest.approx(np.mean(self.noise**2), rel=1e-5)
        assert logs["val_relative_mse"] == pytest.approx(np.mean(np.mean(self.noise**2, axis=0) / [2, 4]), rel=1e-5)
        assert set(logs) == {"loss", "val_relative_mse"} | {
            f"val_{name}{task}" for name in ("mse", "r", "rho") for task in ("", "_a", "_c")
        }

    def test_missing_values_are_ignored(self):
        targets = counts(self.letters) + self.noise
        targets[5:, 0] = np.nan
        wanted = [np.corrcoef(counts(self.letters)[:5, 0], targets[:5, 0])[0, 1], self.logs(targets)["val_r_c"]]
        assert self.logs(targets)["val_r"] == pytest.approx(np.mean(wanted), abs=1e-6)

    @pytest.mark.parametrize("values", [0, 1, 2])
    def test_means_ignore_a_task_with_undefined_r(self, values):
        targets = counts(self.letters) + self.noise
        targets[values:, 0] = np.nan
        targets[:values, 0] = 3
        logs = self.logs(targets)
        assert (logs["val_r"], logs["val_rho"]) == (logs["val_r_c"], logs["val_rho_c"])
        assert np.isnan(logs["val_r_a"])
        errors = [logs[f"val_mse_{task}"] for task in "ac"[not values :]]
        assert logs["val_mse"] == pytest.approx(np.mean(errors))

    def test_metrics_of_profiles_are_added(self):
        network, examples = build_profile_network(), windows(12, margin=0)
        network.final.fit_scale(examples.targets)
        state = TrainingState()
        validation = Validation(network.predictor(), examples, 8, network.tasks, np.ones(1), state)
        validation.set_model(network)
        logs = {}
        validation.on_epoch_end(0, logs)
        predicted = network.predictor().predict(examples.letters, verbose=0)
        np.testing.assert_allclose(state.predicted, predicted, rtol=1e-4, atol=1e-5)
        assert {name: logs[f"val_{name}"] for name in ("loss", "profile_jsd")} == pytest.approx(epoch_figures(network, examples, predicted))
        assert logs["val_r"] == pytest.approx(np.corrcoef(examples.targets[:, 0], predicted[:, 0])[0, 1], abs=1e-5)


class TestRecorder:
    def test_records_learning_rate_and_time(self):
        state = TrainingState()
        recorder(state).on_epoch_end(4, {"loss": np.float32(0.5), "val_r": 0.1})
        assert state.rows == [{"epoch": 5, "loss": 0.5, "val_r": 0.1, "learning_rate": 0.25}]
        assert all(type(value) in (int, float) for value in state.rows[0].values())
        assert state.seconds > 0

    def test_stops_after_patience(self):
        callback = recorder(TrainingState(), patience=1)
        stopped = []
        for epoch, r in enumerate((0.1, 0.2, 0.1)):
            callback.on_epoch_end(epoch, {"loss": 1.0, "val_r": r})
            stopped.append(callback.model.stop_training)
        assert stopped == [False, False, True]

    @pytest.mark.parametrize("loss", [np.nan, np.inf])
    def test_a_loss_that_is_not_finite_ends_the_run(self, loss):
        state = TrainingState()
        with pytest.raises(ModelError, match=f"Expected a finite loss, got {loss} in epoch 3\\. Try a lower learning rate"):
            recorder(state).on_epoch_end(2, {"loss": loss, "val_r": 0.1})
        assert state.rows == []


@pytest.mark.parametrize(("steps", "epoch_steps", "ended"), [(7, 3, (2, 0)), (6, 3, (1, 2)), (2, 3, (0, 1))])
def test_the_last_step_ends_the_run_within_an_epoch(steps, epoch_steps, ended):
    callback = LastStep(steps, TrainingState())
    callback.set_model(Model())
    for epoch in range(3):
        callback.on_epoch_begin(epoch)
        for batch in range(epoch_steps):
            callback.on_train_batch_end(batch)
            assert callback.model.stop_training is ((epoch, batch) >= ended)


class TestAveragedWeights:
    def trained(self):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5), loss="mse")
        for seed in range(3):
            model.train_on_batch(np.random.default_rng(seed).normal(size=(4, 2)), np.ones((4, 1)))
        return model

    def test_averages_are_in_the_model_between_two_swaps(self):
        model, callback = self.trained(), AveragedWeights()
        callback.set_model(model)
        weights = model.get_weights()
        averages = [np.array(ops.convert_to_numpy(average)) for average in model.optimizer._model_variables_moving_average]
        callback.on_epoch_end(0)
        for weight, average in zip(model.get_weights(), averages, strict=True):
            np.testing.assert_array_equal(weight, average)
        callback.on_epoch_end(0)
        for weight, kept in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(weight, kept)
        for average, kept in zip(model.optimizer._model_variables_moving_average, averages, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(average), kept)


def test_history_is_written_after_each_epoch(tmp_path):
    state = TrainingState(rows=[{"epoch": 1, "loss": 0.5}])
    callback = History(tmp_path / "history.csv", state)
    callback.on_epoch_end(0)
    state.rows.append({"epoch": 2, "loss": 0.25})
    callback.on_epoch_end(1)
    assert (tmp_path / "history.csv").read_text() == "epoch,loss\n1,0.5\n2,0.25\n"


def test_checkpoint_is_written_after_each_epoch(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", loss="mse")
    state = TrainingState(rows=[{"epoch": 1.0}])
    callback = Checkpoint(tmp_path / "checkpoint" / "state.npz", state)
    callback.set_model(model)
    model.optimizer.build(model.trainable_variables)
    for rows in (1, 2):
        state.rows = [{"epoch": 1.0}] * rows
        callback.on_epoch_end(rows)
        assert len(read_checkpoint(callback.path, model).rows) == rows


class TestEpochSeed:
    def drawn(self, seed, epoch):
        callback = EpochSeed(seed)
        callback.on_epoch_begin(epoch)
        keras.random.uniform(())  # as the data loader of torch does at the start of `fit`
        callback.on_train_batch_begin(0)
        return np.random.random(), float(ops.convert_to_numpy(keras.random.uniform(())))  # noqa: NPY002

    def test_equal_seeds_and_epochs_draw_the_same(self):
        assert self.drawn(3, 1) == self.drawn(3, 1)

    def test_later_batches_are_not_seeded(self):
        callback = EpochSeed(3)
        callback.on_epoch_begin(1)
        callback.on_train_batch_begin(0)
        first = np.random.random()  # noqa: NPY002
        callback.on_train_batch_begin(1)
        assert np.random.random() != first  # noqa: NPY002

    def test_other_seeds_and_epochs_draw_differently(self):
        assert len({self.drawn(seed, epoch)[0] for seed in range(3) for epoch in range(3)}) == 9
