import csv
import errno
import json
import math

import keras
import numpy as np
import pytest
from keras import ops
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import DreamkerasError, ModelError
from dreamkeras.training.epochs import checkpoint as state_module
from dreamkeras.training.epochs.checkpoint import TrainingState, assign_weights, read_checkpoint, write_checkpoint, write_history
from dreamkeras.training.epochs.metrics import PearsonR
from dreamkeras.training.strategy.strategies import AUTOSOME


def small_model(units=3, policy=None):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dropout(0.5), keras.layers.BatchNormalization()])
    if policy:
        model.dtype_policy = policy
    model.compile(AUTOSOME.make_optimizer(10), loss="mse", metrics=[PearsonR(units)])
    return model


def fit(model, steps=2):
    inputs = np.random.default_rng(0).normal(size=(4 * steps, 2)).astype(np.float32)
    model.fit(inputs, np.repeat(inputs[:, :1], model.output_shape[-1], 1), batch_size=4, shuffle=False, verbose=0)
    return model


def values(variables):
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def assert_same(one, other):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(scope="module")
def trained():
    return fit(small_model())


@pytest.fixture
def written(trained, tmp_path):
    """A checkpoint and its state."""
    state = TrainingState(seconds=1.5)
    state.record({"epoch": 1, "loss": 0.25, "val_r": 0.5}, trained)
    path = tmp_path / "checkpoint" / "state.npz"
    write_checkpoint(path, trained, state)
    return path, state


class TestRoundTrip:
    def test_state_weights_and_optimiser_are_restored(self, trained, written):
        path, state = written
        fresh = small_model()
        came = read_checkpoint(path, fresh)
        assert (came.rows, came.best_epoch, came.seconds) == (state.rows, 1, 1.5)
        assert_same(came.best_weights, state.best_weights)
        assert_same(values(fresh.variables)[: len(fresh.weights)], values(trained.variables)[: len(fresh.weights)])
        assert_same(values(fresh.optimizer.variables), values(trained.optimizer.variables))
        assert int(ops.convert_to_numpy(fresh.optimizer.iterations)) == 2

    def test_training_continues_as_without_interruption(self, written):
        path, _ = written
        one, other = small_model(), small_model()
        for model in (one, other):
            read_checkpoint(path, model)
            keras.utils.set_random_seed(1)
            fit(model)
        assert_same(values(one.weights), values(other.weights))

    def test_loss_scale_of_float16_is_restored(self, tmp_path):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            one, other = (tiny(find_assay("yeast")) for _ in range(2))
        finally:
            keras.config.set_dtype_policy("float32")
        for model in (one, other):
            model.compile(AUTOSOME.make_optimizer(10), metrics=[PearsonR()])
        one.optimizer.build(one.trainable_variables)
        one.optimizer.dynamic_scale.assign(4096)
        write_checkpoint(tmp_path / "state.npz", one, TrainingState())
        read_checkpoint(tmp_path / "state.npz", other)
        assert float(ops.convert_to_numpy(other.optimizer.dynamic_scale)) == 4096

    def test_history_keeps_nan_and_every_digit(self, trained, tmp_path):
        state = TrainingState(rows=[{"epoch": 1, "val_r": math.nan, "loss": 0.1 + 0.2}])
        write_checkpoint(tmp_path / "state.npz", trained, state)
        row = read_checkpoint(tmp_path / "state.npz", small_model()).rows[0]
        assert math.isnan(row["val_r"])
        assert row["loss"] == 0.1 + 0.2


class TestBest:
    def record(self, *rates):
        model, state = small_model(), TrainingState()
        for epoch, rate in enumerate(rates, 1):
            model.layers[0].bias.assign(np.full(3, epoch, np.float32))
            state.record({"epoch": epoch, "val_r": rate}, model)
        return state

    @pytest.mark.parametrize(
        ("rates", "best"),
        [
            ((0.1,), 1),
            ((0.1, 0.3, 0.2), 2),
            ((0.3, 0.3), 1),
            ((-0.5, -0.1), 2),
            ((math.nan,), 1),
            ((math.nan, -0.9), 2),
            ((0.1, math.nan, 0.05), 1),
        ],
    )
    def test_weights_are_those_of_the_highest_r_and_nan_is_ignored(self, rates, best):
        state = self.record(*rates)
        assert state.best_epoch == best
        assert any(np.array_equal(weight, np.full(3, best)) for weight in state.best_weights)

    def test_a_validation_loss_takes_precedence_over_r(self):
        model, state = small_model(), TrainingState()
        for epoch, (loss, rate) in enumerate([(3.0, 0.1), (2.5, 0.0), (math.nan, 0.9), (2.6, 0.8)], 1):
            state.record({"epoch": epoch, "val_r": rate, "val_loss": loss}, model)
        assert state.best_epoch == 2

    def test_weights_are_a_copy(self):
        model, state = small_model(), TrainingState()
        state.record({"epoch": 1, "val_r": 0.1}, model)
        kept = [weight.copy() for weight in state.best_weights]
        fit(model)
        assert_same(state.best_weights, kept)

    @pytest.mark.parametrize(
        ("rates", "patience", "ended"),
        [((0.3, 0.2), 1, True), ((0.3, 0.2), 2, False), ((0.3, 0.2, 0.1), 2, True), ((0.3, 0.2, 0.4), 1, False)],
    )
    def test_convergence_counts_epochs_since_the_best(self, rates, patience, ended):
        state = self.record(*rates)
        assert state.has_ended(patience) is ended
        assert not state.has_ended(None)

    @pytest.mark.parametrize(("minutes", "ended"), [(None, False), (2, True), (2.1, False), (0.5, True)])
    def test_a_time_limit_ends_a_run(self, minutes, ended):
        state = self.record(0.1)
        state.seconds = 120.0
        assert state.has_ended(None, minutes) is ended


class TestForeignFiles:
    @pytest.mark.parametrize(
        "content", [b"", b"PK\x03\x04", b"text", b"\x93NUMPY\x01\x00"], ids=["empty", "zip's first bytes", "text", "npy's first bytes"]
    )
    def test_invalid_files_are_one_line(self, tmp_path, content):
        (tmp_path / "state.npz").write_bytes(content)
        self.refused(tmp_path / "state.npz")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
    def test_a_truncated_file_is_refused(self, written, share):
        path, _ = written
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        self.refused(path)

    def test_a_changed_byte_is_refused(self, written):
        path, _ = written
        content = bytearray(path.read_bytes())
        content[content.index(b"summary.npy") + 200] ^= 0xFF
        path.write_bytes(content)
        self.refused(path)

    @pytest.mark.parametrize("summary", ["[]", "{}x", '{"colour": 1}', "null"])
    def test_another_archive_is_refused(self, tmp_path, summary):
        np.savez(tmp_path / "state.npz", summary=np.array(summary))
        self.refused(tmp_path / "state.npz")
        np.savez(tmp_path / "state.npz", x=np.zeros(3))
        self.refused(tmp_path / "state.npz")

    def test_a_single_array_is_refused(self, tmp_path):
        np.save(tmp_path / "state.npy", np.zeros(3))
        self.refused((tmp_path / "state.npy").rename(tmp_path / "state.npz"))

    def test_a_pickle_is_not_executed(self, tmp_path):
        np.savez(tmp_path / "state.npz", allow_pickle=True, summary=np.array([{}], object))
        self.refused(tmp_path / "state.npz")

    def refused(self, path):
        with pytest.raises(ModelError, match="as a checkpoint of a training run: ") as caught:
            read_checkpoint(path, small_model())
        assert str(path) in str(caught.value)

    def test_the_error_on_a_checkpoint_of_another_model_names_the_file(self, written):
        with pytest.raises(ModelError, match=r"The shapes of the variables in .*state\.npz differ"):
            read_checkpoint(written[0], small_model(units=5))


class TestAtomic:
    def test_a_failed_write_keeps_the_old_checkpoint(self, trained, written, monkeypatch):
        path, state = written
        before = path.read_bytes()

        def fail(file, **arrays):
            file.write(before[: len(before) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(state_module.np, "savez", fail)
        with pytest.raises(DreamkerasError, match=r"Cannot write .*state\.npz: No space left on device"):
            write_checkpoint(path, trained, state)
        assert [file.name for file in path.parent.iterdir()] == ["state.npz"]
        assert path.read_bytes() == before
        assert read_checkpoint(path, small_model()).rows == state.rows

    def test_an_unwritable_folder_is_one_line(self, trained, tmp_path):
        (tmp_path / "checkpoint").touch()
        with pytest.raises(DreamkerasError, match=r"Cannot write .*checkpoint"):
            write_checkpoint(tmp_path / "checkpoint" / "state.npz", trained, TrainingState())


def test_assigned_arrays_must_have_the_same_shapes():
    model = small_model()
    with pytest.raises(ModelError, match="variables for this model in here, got 1"):
        assign_weights(model.variables, [np.zeros(2)], "here")


def test_summary_is_plain_json(written):
    with np.load(written[0]) as arrays:
        assert json.loads(str(arrays["summary"]))["best_epoch"] == 1


HISTORY = [{"epoch": 1, "loss": 0.5, "val_r": float("nan")}, {"epoch": 2, "loss": 0.1 + 0.2, "val_r": -1e-9}]


def test_history_has_a_header_and_a_row_per_epoch(tmp_path):
    write_history(tmp_path / "history.csv", HISTORY)
    assert (tmp_path / "history.csv").read_bytes() == b"epoch,loss,val_r\n1,0.5,nan\n2,0.30000000000000004,-1e-09\n"


def test_numbers_of_the_history_keep_all_digits(tmp_path):
    write_history(tmp_path / "history.csv", HISTORY[1:])
    with open(tmp_path / "history.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {name: float(value) for name, value in row.items()} == HISTORY[1]


def test_task_names_can_contain_commas(tmp_path):
    write_history(tmp_path / "history.csv", [{"val_r_a,b": 0.5}])
    with open(tmp_path / "history.csv", newline="") as file:
        assert list(csv.reader(file)) == [["val_r_a,b"], ["0.5"]]


def test_columns_missing_in_older_rows_are_empty(tmp_path):
    write_history(tmp_path / "history.csv", [{"epoch": 1}, {"epoch": 2, "val_relative_mse": 0.5}])
    assert (tmp_path / "history.csv").read_text() == "epoch,val_relative_mse\n1,\n2,0.5\n"


@pytest.mark.parametrize("rows", [[{"epoch": 1, "loss": 0.5}, {"epoch": 2}]])
def test_unknown_columns_raise_an_error_and_keep_the_table(tmp_path, rows):
    write_history(tmp_path / "history.csv", HISTORY)
    before = (tmp_path / "history.csv").read_bytes()
    with pytest.raises(ValueError, match="loss"):
        write_history(tmp_path / "history.csv", rows)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("history.csv", before)]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DreamkerasError, match=r"Cannot write .*no/history\.csv: the folder .*no does not exist"):
        write_history(tmp_path / "no" / "history.csv", HISTORY)
