import csv
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys

import keras
import killed_run
import numpy as np
import pytest
import scipy.stats
from tiny_network import tiny, tiny_preset, write_library

import dreamkeras
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError, ModelError
from dreamkeras.files.folders import LOCK, claim
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.statistics.correlation import task_figures
from dreamkeras.training import run
from dreamkeras.training.config import RunConfig
from dreamkeras.training.epochs import callbacks
from dreamkeras.training.run import resume, train
from dreamkeras.training.strategy import speed
from dreamkeras.training.strategy.length import Speed
from dreamkeras.training.strategy.speed import measure_speed

BACKEND = keras.backend.backend()


def history(folder):
    """Returns the rows of history.csv as numbers."""
    with open(folder / "history.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def table(folder):
    """Returns the columns of validation.tsv."""
    with open(folder / "validation.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {name: [row[name] for row in rows] for name in rows[0]}


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture
def scripted(quick):
    """`scripted(*values)`: sets the validation r of the next epochs."""

    def script(*values):
        values = iter(values)
        quick.setattr(callbacks, "task_figures", lambda *columns: {**task_figures(*columns), "r": np.array([next(values)])})

    return script


class TestRunFolder:
    def test_has_exactly_the_documented_files(self, finished):
        files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
        assert files == {
            "config.json",
            "model.keras",
            "model.onnx",
            "history.csv",
            "metrics.json",
            "validation.tsv",
            "baseline.tsv",
            "calibration.json",
            "README.md",
            "checkpoint/state.npz",
            "plots/history.png",
            "plots/expression.png",
            "plots/expression_residuals.png",
        }

    def test_metrics_are_those_of_the_validation_table(self, finished):
        columns, figures = table(finished), metrics(finished)
        measured, predicted = (np.array(columns[f"{kind}_expression"], float) for kind in ("measured", "predicted"))  # six digits
        assert figures["r"] == pytest.approx(scipy.stats.pearsonr(measured, predicted).statistic, abs=1e-3)
        assert figures["rho"] == pytest.approx(scipy.stats.spearmanr(measured, predicted).statistic, abs=1e-3)
        assert figures["mse"] == pytest.approx(np.mean((measured - predicted) ** 2), abs=1e-4)
        assert figures["n"] == len(measured) == 15
        assert figures["seconds"] > 0

    def test_predictions_are_calibrated_on_validation_and_training(self, finished):
        columns, calibration = table(finished), json.loads((finished / "calibration.json").read_text())
        assert dreamkeras.load(finished).calibration == calibration
        apart = [abs(float(a) - float(b)) for a, b in zip(columns["measured_expression"], columns["predicted_expression"], strict=True)]
        assert calibration["intervals"]["expression"]["sizes"] == pytest.approx(sorted(apart), abs=1e-4)
        assert calibration["familiarity"]["sequences"] == metrics(finished)["examples"] == 135
        assert calibration["background"]["sequences"] == 1000

    def test_metrics_have_size_and_duration(self, finished):
        network = keras.models.load_model(finished / "model.keras")
        figures = metrics(finished)
        assert figures["parameters"] == sum(np.prod(weight.shape) for weight in network.trainable_weights)
        assert figures["steps"] == 3 * -(-2 * figures["examples"] // 64)

    def test_metrics_are_those_of_the_saved_epoch(self, finished):
        rows = history(finished)
        assert metrics(finished)["best_epoch"] == max(rows, key=lambda row: row["val_r"])["epoch"]
        assert metrics(finished)["r"] == pytest.approx(rows[metrics(finished)["epoch"] - 1]["val_r"], abs=1e-6)

    def test_the_validation_table_has_ids_of_the_data(self, finished, library):
        lines = library.read_text().splitlines()
        columns = table(finished)
        for name, length, value in zip(columns["id"], columns["length"], columns["measured_expression"], strict=True):
            sequence, measured = lines[int(name) - 1].split("\t")
            assert (len(sequence), float(measured)) == (float(length), pytest.approx(float(value), abs=1e-4))

    @pytest.mark.parametrize("load", ["keras", "onnx"])
    def test_saved_models_predict_the_validation_table(self, finished, library, load):
        columns = table(finished)
        sequences = [library.read_text().splitlines()[int(name) - 1].split("\t")[0] for name in columns["id"]]
        if load == "onnx":
            came = dreamkeras.load(str(finished)).predict(sequences)
        else:
            network = keras.models.load_model(finished / "model.keras")
            came = network.predictor().predict(dreamkeras.load(str(finished)).construct.windows(Ragged.from_strings(sequences)), verbose=0)
        np.testing.assert_allclose(came[:, 0], np.array(columns["predicted_expression"], float), atol=1e-4)

    def test_the_saved_network_has_no_training_state(self, finished):
        network = keras.models.load_model(finished / "model.keras")
        assert not network.compiled
        assert network.name == "tiny"

    def test_history_has_a_row_per_epoch_and_ends_at_the_lowest_rate(self, finished):
        rows = history(finished)
        assert [row["epoch"] for row in rows] == [1, 2, 3]
        assert list(rows[0]) == ["epoch", "loss", "r", "val_r", "val_rho", "val_mse", "val_relative_mse", "learning_rate"]
        assert rows[-1]["learning_rate"] == pytest.approx(0.005 / 25 / 1e4, rel=1e-2)

    def test_the_export_describes_the_training_without_folders(self, finished, library):
        description = dreamkeras.load(str(finished)).description
        assert description.training["data"] == library.name
        assert description.training["validation"] == metrics(finished)
        assert (metrics(finished)["examples"], metrics(finished)["n"]) == (135, 15)
        assert str(library.parent) not in description.to_json()

    def test_the_export_is_compared_with_the_training_backend(self, finished):
        parity = dreamkeras.load(str(finished)).description.parity
        assert parity["keras_backend"] == BACKEND
        assert parity["largest_difference"] < 1e-4

    def test_model_card_states_the_validation_r(self, finished):
        assert f"{metrics(finished)['r']:.3f}" in (finished / "README.md").read_text()

    def test_config_repeats_the_run(self, finished, quick, tmp_path):
        train(RunConfig.read(finished / "config.json"), tmp_path / "again")
        assert (tmp_path / "again" / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()


class TestChoices:
    def test_validation_on_a_fold(self, quick, choose, library, tmp_path):
        rows = library.read_text().splitlines()
        folded = tmp_path / "folded.tsv"
        folded.write_text("".join(f"{row}\t{number % 5}\n" for number, row in enumerate(rows)))
        train(choose(data=str(folded), valid_fold=2, epochs=1, batch_size=32), tmp_path / "run")
        assert [int(name) for name in table(tmp_path / "run")["id"]] == list(range(3, 151, 5))

    def test_a_split_seed_gives_the_same_split_for_all_seeds(self, quick, choose, tmp_path):
        for seed in (1, 2):
            train(choose(seed=seed, split_seed=7, epochs=1), tmp_path / str(seed))
        rows = [[line.split("\t")[:3] for line in (tmp_path / name / "validation.tsv").read_text().splitlines()] for name in "12"]
        assert rows[0] == rows[1]
        assert (tmp_path / "1" / "validation.tsv").read_text() != (tmp_path / "2" / "validation.tsv").read_text()

    def test_two_validation_options_are_refused(self, choose, library):
        with pytest.raises(InputError, match="options that determine the validation sequences, got valid and valid_fraction"):
            choose(valid=str(library), valid_fraction=0.2)

    def test_validation_on_a_separate_file(self, quick, choose, tmp_path):
        valid = write_library(tmp_path / "valid.tsv", 1, seed=9)
        figures = train(choose(valid=str(valid), epochs=1), tmp_path / "run")
        assert table(tmp_path / "run")["id"] == ["1"]
        # JSON has no NaN, and the r of one promoter is undefined.
        assert np.isnan(figures["r"])
        assert (metrics(tmp_path / "run")["r"], metrics(tmp_path / "run")["best_epoch"]) == (None, 1)

    def test_without_data_a_library_is_simulated(self, quick, choose, tmp_path):
        figures = train(choose(data=None, simulated=120, epochs=1), tmp_path / "run")
        assert figures["n"] == 12
        assert "simulated" in (tmp_path / "run" / "README.md").read_text()

    def test_defaults_are_stored_in_the_configuration(self, quick, choose, tmp_path):
        quick.setattr(run, "_fit", lambda *args: None)
        train(choose(epochs=None, batch_size=None), tmp_path / "run")
        config = RunConfig.read(tmp_path / "run" / "config.json")
        assert (config.epochs, config.batch_size, config.learning_rate, config.fitted_steps) == (80, 32, 0.005, None)

    @pytest.mark.parametrize("precision", ["bfloat16", "float16"])
    def test_half_precision_trains_exports_and_predicts(self, choose, tmp_path, precision):
        with tiny_preset(exported=True):
            train(choose(precision=precision, epochs=1), tmp_path / "run")
        network = keras.models.load_model(tmp_path / "run" / "model.keras")
        assert network.core.compute_dtype == precision
        assert {weight.dtype for weight in network.weights} == {"float32"}
        assert all(np.isfinite(row["loss"]) for row in history(tmp_path / "run"))
        assert np.isfinite(dreamkeras.load(str(tmp_path / "run")).predict(["A" * 110])).all()
        assert keras.config.dtype_policy().name == "float32"


class TestSeed:
    def digest(self, seed):
        keras.utils.set_random_seed(seed)
        network = tiny(find_assay("yeast"))
        return hashlib.sha256(b"".join(np.ascontiguousarray(weight).tobytes() for weight in network.get_weights())).hexdigest()[:16]

    def test_gives_the_same_initial_weights_on_every_backend(self):
        assert self.digest(3) == "bcf161376b54a725"

    def test_another_seed_gives_other_weights(self):
        assert self.digest(3) != self.digest(4)


class TestEarlyStopping:
    def test_patience_ends_a_resumed_run(self, scripted, choose, tmp_path):
        whole, broken = tmp_path / "whole", tmp_path / "broken"
        scripted(0.3, 0.2, 0.1)
        train(choose(epochs=9, patience=2), whole)
        assert [row["val_r"] for row in history(whole)] == [0.3, 0.2, 0.1]
        scripted(0.3, 0.2)
        with pytest.raises(StopIteration):
            train(choose(epochs=9, patience=2), broken)
        scripted(0.1)
        figures = resume(broken, BACKEND)
        assert (broken / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
        assert figures["best_epoch"] == 1
        assert figures["mse"] == pytest.approx(history(whole)[0]["val_mse"], rel=1e-6)
        assert figures["mse"] != pytest.approx(history(whole)[2]["val_mse"], rel=1e-6)
        scripted()  # no epoch remains
        assert resume(broken, BACKEND)["best_epoch"] == 1


class TestTwoRuns:
    HELD = r"^Another process is writing to .*run'\. Wait until that process has ended, or choose another name\.$"

    def test_the_second_run_in_a_folder_is_refused_and_the_first_is_not_disturbed(self, finished, choose, quick, library, tmp_path):
        folder = tmp_path / "run"
        choices = ["--model", "tiny", "--epochs", "3", "--batch-size", "64", "--seed", "3", "--out", folder, "--backend", BACKEND]
        command = [sys.executable, killed_run.__file__, "waiting", "train", library, *choices]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
            while not first.stderr.readline().startswith("epoch 1/3"):
                assert first.poll() is None
            before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
            with pytest.raises(DreamkerasError, match=self.HELD):
                resume(folder, BACKEND)
            with pytest.raises(DreamkerasError, match=self.HELD):
                train(choose(), folder)
            assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
            first.communicate("")
        assert first.returncode == 0
        assert (folder / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()
        assert not (folder / LOCK).exists()

    def test_a_removed_folder_is_not_written_by_the_first_run(self, choose, quick, tmp_path, monkeypatch):
        folder = tmp_path / "run"

        def replace(self, epoch, logs=None):
            shutil.rmtree(folder)
            (folder / "checkpoint").mkdir(parents=True)

        monkeypatch.setattr("dreamkeras.training.epochs.callbacks.History.on_epoch_end", replace)
        with pytest.raises(DreamkerasError, match="was removed or replaced while it was being written"):
            train(choose(epochs=2), folder)
        assert [path.name for path in folder.rglob("*")] == ["checkpoint"]

    def test_a_folder_is_locked_before_the_data_are_read(self, choose, quick, tmp_path):
        with claim(tmp_path / "run"), pytest.raises(DreamkerasError, match=self.HELD):
            train(choose(data="no data are looked at"), tmp_path / "run")

    @pytest.mark.parametrize("folder", ["run", "new/deep/run"])
    def test_a_failed_start_leaves_no_folder(self, choose, quick, tmp_path, folder):
        with pytest.raises(InputError, match="File not found"):
            train(choose(data=str(tmp_path / "none.tsv")), tmp_path / folder)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_of_a_killed_start_can_be_used(self, choose, quick, tmp_path):
        (tmp_path / LOCK).touch()
        train(choose(epochs=1), tmp_path)
        assert (tmp_path / "metrics.json").exists()


class TestResume:
    def spawn(self, moment, *args):
        """Runs the command in a separate process on this backend, and kills it at a given moment."""
        env = {**os.environ, "KERAS_BACKEND": BACKEND}
        command = [sys.executable, killed_run.__file__, moment, "train", *map(str, args)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)

    def test_a_resumed_run_equals_an_uninterrupted_one_after_kill_9(self, finished, quick, library, tmp_path):
        killed = tmp_path / "killed"
        choices = ["--model", "tiny", "--epochs", 3, "--batch-size", 64, "--seed", 3, "--backend", BACKEND]
        done = self.spawn("after_a_line", library, *choices, "--out", killed)
        assert (done.returncode, done.stdout) == (-9, "")
        begun = [["Read", "150"], ["Held", "out"], ["Training", "on"]]
        assert [line.split()[:2] for line in done.stderr.splitlines()] == [*begun, ["epoch", "1/3"]]
        assert history(killed) == history(finished)[:1]

        done = self.spawn("in_a_checkpoint", "--resume", "--out", killed)
        assert (done.returncode, done.stderr.count("epoch 2/3")) == (-9, 1)
        assert list((killed / "checkpoint").glob(".*"))  # an incomplete checkpoint next to that of epoch 2

        done = self.spawn("before_the_results", "--resume", "--out", killed)
        assert done.returncode == -9
        assert [line.split()[:2] for line in done.stderr.splitlines()] == [*begun, ["epoch", "3/3"], ["Kept", "epoch"]]
        assert sorted(path.name for path in killed.iterdir()) == [LOCK, "checkpoint", "config.json", "history.csv"]

        resume(killed, BACKEND)
        assert (killed / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()
        assert (killed / "validation.tsv").read_bytes() == (finished / "validation.tsv").read_bytes()
        assert {path.name for path in (killed / "checkpoint").iterdir()} == {"state.npz"}

    def test_a_run_without_a_checkpoint_starts_again(self, finished, quick, choose, tmp_path):
        broken = tmp_path / "broken"
        with quick.context() as patch:
            patch.setattr(callbacks, "write_checkpoint", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train(choose(epochs=3), broken)
        resume(broken, BACKEND)
        assert (broken / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()

    def test_resuming_a_finished_run_changes_nothing(self, finished, quick):
        names = ("history.csv", "validation.tsv", "metrics.json", "config.json")
        before = {name: (finished / name).read_bytes() for name in names}
        network = keras.models.load_model(finished / "model.keras").get_weights()
        quick.setattr(
            "dreamkeras.training.run_folder.contents.export_onnx", lambda *args, **options: dreamkeras.load(str(finished)).description
        )
        resume(finished, BACKEND)
        assert {name: (finished / name).read_bytes() for name in names} == before
        for kept, weight in zip(network, keras.models.load_model(finished / "model.keras").get_weights(), strict=True):
            np.testing.assert_array_equal(weight, kept)

    def test_another_backend_is_refused(self, finished):
        other = "jax" if BACKEND != "jax" else "torch"
        with pytest.raises(
            MissingPackageError, match=f"Cannot use the backend {other}, because Keras already runs with the backend {BACKEND}"
        ):
            resume(finished, other)

    def test_changed_data_are_refused(self, quick, choose, tmp_path):
        library = write_library(tmp_path / "library.tsv")
        train(choose(data=str(library), epochs=1), tmp_path / "run")
        write_library(library, seed=1)
        with pytest.raises(
            InputError, match=r"Cannot resume the run in .*: the data in .*library\.tsv have changed since the run was started"
        ):
            resume(tmp_path / "run", BACKEND)

    def test_moved_data_are_accepted_and_their_path_is_stored(self, quick, choose, tmp_path):
        library = write_library(tmp_path / "library.tsv")
        train(choose(data=str(library), epochs=1), tmp_path / "run")
        moved = library.rename(tmp_path / "moved.tsv")
        assert resume(tmp_path / "run", BACKEND, data=str(moved))["n"] == 15
        assert RunConfig.read(tmp_path / "run" / "config.json").data == str(moved)
        assert resume(tmp_path / "run", BACKEND)["n"] == 15

    def test_other_data_at_another_path_are_refused(self, quick, choose, tmp_path):
        train(choose(data=str(write_library(tmp_path / "library.tsv")), epochs=1), tmp_path / "run")
        before = (tmp_path / "run" / "config.json").read_bytes()
        other = write_library(tmp_path / "other.tsv", seed=1)
        with pytest.raises(InputError, match=rf"the data in {other} differ from the data with which the run was started"):
            resume(tmp_path / "run", BACKEND, data=str(other))
        assert (tmp_path / "run" / "config.json").read_bytes() == before

    def test_more_epochs_follow_the_schedule_of_the_new_length(self, finished, quick, choose, tmp_path):
        train(choose(epochs=1), tmp_path / "run")
        resume(tmp_path / "run", BACKEND, epochs=3)
        rows, wanted = history(tmp_path / "run"), history(finished)
        assert [row["epoch"] for row in rows] == [1, 2, 3]
        rates = [row["learning_rate"] for row in rows]
        assert rates[1:] == [row["learning_rate"] for row in wanted[1:]]
        assert rates[0] < wanted[0]["learning_rate"]  # the end of the schedule of one epoch
        assert metrics(tmp_path / "run")["steps"] == metrics(finished)["steps"]
        assert RunConfig.read(tmp_path / "run" / "config.json").epochs == 3

    def test_an_extended_run_is_resumed_after_an_interruption(self, quick, choose, tmp_path):
        for name in ("whole", "broken"):
            train(choose(epochs=None, steps=3), tmp_path / name)  # of 5 steps in an epoch
        resume(tmp_path / "whole", BACKEND, epochs=3)
        with quick.context() as patch:
            patch.setattr(callbacks.EpochSeed, "on_epoch_begin", interrupted_in(2))
            with pytest.raises(KeyboardInterrupt):
                resume(tmp_path / "broken", BACKEND, epochs=3)
        assert not (tmp_path / "broken" / "metrics.json").exists()
        resume(tmp_path / "broken", BACKEND)
        assert history(tmp_path / "broken") == history(tmp_path / "whole")
        assert metrics(tmp_path / "broken")["steps"] == 3 + 2 * 5

    def test_more_steps_complete_the_number(self, quick, choose, tmp_path):
        train(choose(epochs=None, steps=3), tmp_path / "run")
        resume(tmp_path / "run", BACKEND, steps=9)
        assert (metrics(tmp_path / "run")["steps"], len(history(tmp_path / "run"))) == (9, 3)

    def test_fewer_epochs_than_trained_are_refused(self, finished, quick):
        with pytest.raises(InputError, match="Expected epochs of at least 3, for which the run has already been trained, got 2"):
            resume(finished, BACKEND, epochs=2)

    def test_a_run_that_ended_early_is_extended_with_a_larger_limit(self, scripted, quick, choose, tmp_path, capsys):
        scripted(0.3, 0.2, 0.1, 0.1, 0.1)
        train(choose(epochs=9, patience=1), tmp_path / "run")
        resume(tmp_path / "run", BACKEND, epochs=10)
        assert (
            f"Warning: no epochs are added to the run in {tmp_path / 'run'}, because it ended by --patience 1. Increase --patience.\n"
            in capsys.readouterr().err
        )
        assert "extended after" not in (tmp_path / "run" / "README.md").read_text()
        resume(tmp_path / "run", BACKEND, epochs=11)
        with quick.context() as patch:
            patch.setattr(run, "_fit", interrupted)
            with pytest.raises(KeyboardInterrupt):
                resume(tmp_path / "run", BACKEND, patience=3)
        assert not (tmp_path / "run" / "metrics.json").exists()
        resume(tmp_path / "run", BACKEND)
        assert len(history(tmp_path / "run")) == 4
        assert RunConfig.read(tmp_path / "run" / "config.json").extended_after == (2,)
        assert "extended after 2" in (tmp_path / "run" / "README.md").read_text()

    def test_a_run_that_was_interrupted_in_its_first_epoch_is_resumed(self, quick, choose, tmp_path):
        train(choose(), tmp_path / "whole")
        with quick.context() as patch:
            patch.setattr(callbacks.EpochSeed, "on_epoch_begin", interrupted_in(0))
            with pytest.raises(KeyboardInterrupt):
                train(choose(), tmp_path / "broken")
        assert not (tmp_path / "broken" / "checkpoint").exists()
        resume(tmp_path / "broken", BACKEND)
        assert history(tmp_path / "broken") == history(tmp_path / "whole")

    def test_the_validation_examples_are_predicted_once_per_epoch(self, quick, choose, tmp_path):
        quick.setattr(run, "predict_letters", lambda *args: pytest.fail("predicted again"))
        train(choose(), tmp_path / "run")

    def test_relative_paths_are_found_from_another_folder(self, quick, choose, tmp_path, monkeypatch):
        write_library(tmp_path / "library.tsv")
        monkeypatch.chdir(tmp_path)
        train(choose(data="library.tsv", epochs=1), tmp_path / "run")
        monkeypatch.chdir("/")
        assert resume(tmp_path / "run", BACKEND)["n"] == 15

    def test_a_missing_run_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"No run to resume: .*config\.json does not exist"):
            resume(tmp_path, BACKEND)


def interrupted_in(epoch):
    """Returns a method of a callback that interrupts the run at the start of an epoch."""

    def on_epoch_begin(callback, current, logs=None):
        callback.epoch = current
        if current == epoch:
            raise KeyboardInterrupt

    return on_epoch_begin


def interrupted(*args):
    raise KeyboardInterrupt


class TestErrors:
    @pytest.mark.parametrize(
        ("choices", "message"),
        [
            ({"data": "nothing.tsv"}, "nothing.tsv"),
            ({"valid": "nothing.tsv"}, "nothing.tsv"),
            ({"model": "dream-rnn-tiny"}, "Expected a model among .*, got 'dream-rnn-tiny'"),
            ({"assay": "mouse"}, "Expected one of the assays .*, got 'mouse'"),
            ({"strategy": "none"}, "Expected one of the strategies .*, got 'none'"),
            ({"batch_size": 136}, r"Expected at least 136 examples for one batch \(batch_size\), got 135"),
            ({"valid_fraction": 1.0}, "validation fraction"),
            ({"valid_fraction": 0.0}, "validation fraction"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_errors_leave_no_folder(self, quick, choose, tmp_path, choices, message):
        with pytest.raises(DreamkerasError, match=message):
            train(choose(**choices), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_folder_with_files_is_not_changed(self, quick, choose, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match="Expected a new or empty folder"):
            train(choose(), tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_folder_below_a_file_is_an_error(self, quick, choose, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DreamkerasError, match=r"Cannot write .*file/run: Not a directory"):
            train(choose(), tmp_path / "file" / "run")

    def test_the_error_on_a_loss_that_is_not_finite_names_the_epoch(self, quick, choose, tmp_path):
        with pytest.raises(ModelError, match=r"Expected a finite loss, got .* in epoch 1\. Try a lower learning rate"):
            train(choose(learning_rate=1e30), tmp_path / "run")

    def test_packages_of_the_export_are_checked_before_training(self, quick, choose, tmp_path):
        quick.setattr("dreamkeras.export.tracing_process.PACKAGES", {"no_such_package": "train"})
        with pytest.raises(DreamkerasError, match="no_such_package"):
            train(choose(), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_another_json_file_is_refused(self, tmp_path):
        (tmp_path / "config.json").write_text('{"epochs": 3, "colour": "red"}')
        with pytest.raises(InputError, match=r"Cannot read .*config\.json as the configuration of a run: .*colour"):
            resume(tmp_path, BACKEND)


class TestKeep:
    def test_the_saved_weights_are_those_of_the_chosen_epoch(self, scripted, choose, tmp_path):
        for keep, epoch in (("best", 1), ("last", 3)):
            scripted(0.3, 0.2, 0.1)
            figures = train(choose(epochs=3, keep=keep), tmp_path / keep)
            assert (figures["epoch"], figures["best_epoch"]) == (epoch, 1)
            assert metrics(tmp_path / keep)["mse"] == pytest.approx(history(tmp_path / keep)[epoch - 1]["val_mse"], rel=1e-6)
            card = (tmp_path / keep / "README.md").read_text()
            assert f"Kept epoch {epoch} of 3, the {keep} epoch, as --keep {keep} requires." in card
        assert (tmp_path / "best" / "history.csv").read_bytes() == (tmp_path / "last" / "history.csv").read_bytes()

    @pytest.mark.parametrize("rate", [0.005, 3.0])
    def test_the_rule_is_that_of_a_paired_test(self, scripted, choose, tmp_path, capsys, rate):
        errors = {}
        for keep in ("best", "last", "auto"):
            scripted(0.3, 0.2, 0.1)
            kept = train(choose(epochs=3, learning_rate=rate, keep=keep, valid_fraction=0.4), tmp_path / keep)["epoch"]
            columns = {name: np.array(values, float) for name, values in table(tmp_path / keep).items() if "_" in name}
            errors[keep] = (columns["measured_expression"] - columns["predicted_expression"]) ** 2
        is_larger = scipy.stats.ttest_rel(errors["last"], errors["best"]).statistic > 2
        assert kept == (1 if is_larger else 3)
        np.testing.assert_array_equal(errors["auto"], errors["best" if is_larger else "last"])
        assert metrics(tmp_path / "auto")["kept"] in capsys.readouterr().err

    def test_with_averages_the_averaged_weights_of_the_last_epoch_are_kept(self, scripted, choose, tmp_path):
        scripted(0.3, 0.2)
        train(choose(epochs=2, ema=0.5, keep="last"), tmp_path / "run")
        assert metrics(tmp_path / "run")["mse"] == pytest.approx(history(tmp_path / "run")[1]["val_mse"], rel=1e-6)

    @pytest.mark.parametrize("ema", [None, 0.5])
    def test_a_run_that_is_killed_after_its_last_epoch_keeps_the_same_epoch(self, scripted, quick, choose, tmp_path, ema):
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        scripted(0.3, 0.2)
        train(choose(ema=ema), whole)
        scripted(0.3, 0.2)
        with quick.context() as patch:
            patch.setattr(run, "keep_epoch", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train(choose(ema=ema), killed)
        resume(killed, BACKEND)
        assert (killed / "validation.tsv").read_bytes() == (whole / "validation.tsv").read_bytes()
        assert metrics(killed)["kept"] == metrics(whole)["kept"]

    def test_runs_of_older_versions_keep_the_best_epoch(self, scripted, quick, choose, tmp_path):
        scripted(0.3, 0.2)
        with quick.context() as patch:
            patch.setattr(run, "keep_epoch", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train(choose(), tmp_path / "run")
        path = tmp_path / "run" / "config.json"
        path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "keep"}))
        assert resume(tmp_path / "run", BACKEND)["epoch"] == 1


class TestTimeLimit:
    """The tiny network has 5 steps in an epoch. Its speed is measured, but replaced by one that does not depend on the machine."""

    @pytest.fixture
    def measured(self, quick):
        """`measured(steps)`: so many steps fit into 1,000 minutes. The measurement itself takes place."""

        def fit(steps):
            def measure(*args):
                measure_speed(*args)
                return Speed(startup=0.0, step=54_000 / (steps + 0.5), validation=0.0)

            quick.setattr(speed, "MEASURED", 0.0)
            quick.setattr(run, "measure_speed", measure)

        return fit

    @pytest.mark.parametrize("length", [{"epochs": 3}, {"epochs": None, "steps": 12}])
    def test_a_shortened_run_equals_a_run_with_this_number_of_steps(self, measured, choose, tmp_path, capsys, length):
        measured(7)
        train(choose(**length, minutes=1000.0), tmp_path / "limited")
        config = RunConfig.read(tmp_path / "limited" / "config.json")
        assert (config.epochs, config.steps, config.fitted_steps) == (length["epochs"], length.get("steps"), 7)
        total = 15 if length["epochs"] else 12
        assert f"The schedule was shortened from {total} steps to end within 1000 min." in capsys.readouterr().err
        assert "- Schedule: shortened to 7 steps for the time limit" in (tmp_path / "limited" / "README.md").read_text()
        train(choose(epochs=None, steps=7), tmp_path / "steps")
        for name in ("history.csv", "validation.tsv"):
            assert (tmp_path / "limited" / name).read_bytes() == (tmp_path / "steps" / name).read_bytes()

    def test_the_schedule_ends_with_the_run(self, measured, choose, tmp_path):
        measured(7)
        train(choose(epochs=3, minutes=1000.0), tmp_path / "run")
        rates = [row["learning_rate"] for row in history(tmp_path / "run")]
        top, peak = 0.3 * 7 - 1, 0.005  # torch's OneCycleLR

        def rate(step):
            return peak / 25e4 + (peak - peak / 25e4) / 2 * (1 + np.cos(np.pi * (step - top) / (6 - top)))

        assert rates == pytest.approx([rate(5), peak / 25e4], rel=1e-4)  # the rate of the next step; the last one keeps the end
        assert metrics(tmp_path / "run")["steps"] == 7

    def test_a_limit_that_suffices_changes_nothing(self, measured, finished, choose, tmp_path):
        measured(1000)
        train(choose(epochs=3, minutes=1000.0), tmp_path / "run")
        assert RunConfig.read(tmp_path / "run" / "config.json").fitted_steps is None
        assert (tmp_path / "run" / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()

    def test_a_resumed_run_keeps_its_schedule(self, measured, quick, choose, tmp_path):
        measured(7)
        train(choose(epochs=3, minutes=1000.0), tmp_path / "whole")
        with quick.context() as patch:
            patch.setattr(callbacks.EpochSeed, "on_epoch_begin", interrupted_in(1))
            with pytest.raises(KeyboardInterrupt):
                train(choose(epochs=3, minutes=1000.0), tmp_path / "killed")
        quick.setattr(run, "measure_speed", None)  # a resumed run is not measured
        resume(tmp_path / "killed", BACKEND)
        for name in ("history.csv", "validation.tsv"):
            assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        resume(tmp_path / "killed", BACKEND, epochs=3)
        assert metrics(tmp_path / "killed")["steps"] == 7 + 5  # the run is extended by its third epoch

    def test_the_run_still_stops_when_the_time_has_passed(self, measured, choose, tmp_path, quick):
        measured(12)
        quick.setattr(callbacks, "perf_counter", itertools.count(0, 40_000).__next__)
        figures = train(choose(epochs=3, minutes=1000.0, keep="auto"), tmp_path / "run")
        assert len(history(tmp_path / "run")) == 2
        assert figures["epoch"] == figures["best_epoch"]
