import csv
import hashlib
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

BACKEND = keras.backend.backend()


def history(folder):
    """The rows of history.csv as numbers."""
    with open(folder / "history.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def table(folder):
    """The columns of validation.tsv."""
    with open(folder / "validation.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {name: [row[name] for row in rows] for name in rows[0]}


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture
def scripted(quick):
    """`scripted(*values)`: validation r of the epochs to come."""

    def script(*values):
        values = iter(values)
        quick.setattr(callbacks, "task_figures", lambda *columns: {**task_figures(*columns), "r": np.array([next(values)])})

    return script


class TestRunFolder:
    def test_holds_every_file_and_nothing_else(self, finished):
        files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
        assert files == {
            "config.json",
            "model.keras",
            "model.onnx",
            "history.csv",
            "metrics.json",
            "validation.tsv",
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

    def test_predictions_are_held_against_its_validation_and_its_training(self, finished):
        columns, calibration = table(finished), json.loads((finished / "calibration.json").read_text())
        assert dreamkeras.load(finished).calibration == calibration
        apart = [abs(float(a) - float(b)) for a, b in zip(columns["measured_expression"], columns["predicted_expression"], strict=True)]
        assert calibration["intervals"]["expression"]["sizes"] == pytest.approx(sorted(apart), abs=1e-4)
        assert calibration["familiarity"]["sequences"] == metrics(finished)["examples"] == 135
        assert calibration["background"]["sequences"] == 1000

    def test_metrics_tell_what_was_trained_and_for_how_long(self, finished):
        network = keras.models.load_model(finished / "model.keras")
        figures = metrics(finished)
        assert figures["parameters"] == sum(np.prod(weight.shape) for weight in network.trainable_weights)
        assert figures["steps"] == 3 * -(-2 * figures["examples"] // 64)

    def test_metrics_are_those_of_the_best_epoch(self, finished):
        best = max(history(finished), key=lambda row: row["val_r"])
        assert metrics(finished)["best_epoch"] == best["epoch"]
        assert metrics(finished)["r"] == pytest.approx(best["val_r"], abs=1e-6)

    def test_validation_table_names_rows_of_the_data(self, finished, library):
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

    def test_saved_network_needs_and_holds_no_training(self, finished):
        network = keras.models.load_model(finished / "model.keras")
        assert not network.compiled
        assert network.name == "tiny"

    def test_history_has_a_row_an_epoch_and_ends_at_the_lowest_rate(self, finished):
        rows = history(finished)
        assert [row["epoch"] for row in rows] == [1, 2, 3]
        assert list(rows[0]) == ["epoch", "loss", "r", "val_r", "val_rho", "val_mse", "val_relative_mse", "learning_rate"]
        assert rows[-1]["learning_rate"] == pytest.approx(0.005 / 25 / 1e4, rel=1e-2)

    def test_export_tells_of_the_training_but_not_of_folders(self, finished, library):
        description = dreamkeras.load(str(finished)).description
        assert description.training["data"] == library.name
        assert description.training["validation"] == metrics(finished)
        assert (metrics(finished)["examples"], metrics(finished)["n"]) == (135, 15)
        assert str(library.parent) not in description.to_json()

    def test_export_is_compared_with_the_backend_that_trained(self, finished):
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

    def test_split_of_its_own_seed_is_the_same_for_every_seed(self, quick, choose, tmp_path):
        for seed in (1, 2):
            train(choose(seed=seed, split_seed=7, epochs=1), tmp_path / str(seed))
        rows = [[line.split("\t")[:3] for line in (tmp_path / name / "validation.tsv").read_text().splitlines()] for name in "12"]
        assert rows[0] == rows[1]
        assert (tmp_path / "1" / "validation.tsv").read_text() != (tmp_path / "2" / "validation.tsv").read_text()

    def test_two_ways_to_validate_are_refused(self, choose, library):
        with pytest.raises(InputError, match="Set only one option for the validation sequences, got valid and valid_fraction"):
            choose(valid=str(library), valid_fraction=0.2)

    def test_validation_on_a_file_of_its_own(self, quick, choose, tmp_path):
        valid = write_library(tmp_path / "valid.tsv", 1, seed=9)
        figures = train(choose(valid=str(valid), epochs=1), tmp_path / "run")
        assert table(tmp_path / "run")["id"] == ["1"]
        # JSON has no NaN, which the r of one promoter is.
        assert np.isnan(figures["r"])
        assert (metrics(tmp_path / "run")["r"], metrics(tmp_path / "run")["best_epoch"]) == (None, 1)

    def test_without_data_a_simulated_library(self, quick, choose, tmp_path):
        figures = train(choose(data=None, simulated=120, epochs=1), tmp_path / "run")
        assert figures["n"] == 12
        assert "simulated" in (tmp_path / "run" / "README.md").read_text()

    def test_what_was_left_open_stands_in_the_config(self, quick, choose, tmp_path):
        quick.setattr(run, "_fit", lambda *args: None)
        train(choose(epochs=None, batch_size=None), tmp_path / "run")
        config = RunConfig.read(tmp_path / "run" / "config.json")
        assert (config.epochs, config.batch_size, config.learning_rate) == (80, 32, 0.005)

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

    def test_another_seed_gives_others(self):
        assert self.digest(3) != self.digest(4)


class TestEarlyStopping:
    def test_patience_ends_a_run_also_over_a_resume(self, scripted, choose, tmp_path):
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
        scripted()  # nothing is left to train
        assert resume(broken, BACKEND)["best_epoch"] == 1


class TestTwoRuns:
    HELD = r"^Another process is writing to .*run\. Wait until it has ended, or choose another name\.$"

    def test_in_one_folder_the_second_is_refused_and_the_first_ends_as_if_alone(self, finished, choose, quick, library, tmp_path):
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

    def test_a_folder_that_was_removed_is_not_filled_beside_another_run(self, choose, quick, tmp_path, monkeypatch):
        folder = tmp_path / "run"

        def replace(self, epoch, logs=None):
            shutil.rmtree(folder)
            (folder / "checkpoint").mkdir(parents=True)

        monkeypatch.setattr("dreamkeras.training.epochs.callbacks.History.on_epoch_end", replace)
        with pytest.raises(DreamkerasError, match="was removed or replaced while it was being written"):
            train(choose(epochs=2), folder)
        assert [path.name for path in folder.rglob("*")] == ["checkpoint"]

    def test_that_begin_together_are_told_apart_before_the_data_are_read(self, choose, quick, tmp_path):
        with claim(tmp_path / "run"), pytest.raises(DreamkerasError, match=self.HELD):
            train(choose(data="no data are looked at"), tmp_path / "run")

    @pytest.mark.parametrize("folder", ["run", "new/deep/run"])
    def test_a_start_that_fails_leaves_no_folder(self, choose, quick, tmp_path, folder):
        with pytest.raises(InputError, match="File not found"):
            train(choose(data=str(tmp_path / "none.tsv")), tmp_path / folder)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_in_which_a_start_was_killed_is_free(self, choose, quick, tmp_path):
        (tmp_path / LOCK).touch()
        train(choose(epochs=1), tmp_path)
        assert (tmp_path / "metrics.json").exists()


class TestResume:
    def spawn(self, moment, *args):
        """The command on this backend in a process of its own, killed at a moment."""
        env = {**os.environ, "KERAS_BACKEND": BACKEND}
        command = [sys.executable, killed_run.__file__, moment, "train", *map(str, args)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)

    def test_after_kill_9_at_any_moment_gives_the_run_that_would_have_been(self, finished, quick, library, tmp_path):
        killed = tmp_path / "killed"
        choices = ["--model", "tiny", "--epochs", 3, "--batch-size", 64, "--seed", 3, "--backend", BACKEND]
        done = self.spawn("after_a_line", library, *choices, "--out", killed)
        assert (done.returncode, done.stdout) == (-9, "")
        assert [line.split()[:2] for line in done.stderr.splitlines()] == [["Read", "150"], ["Training", "on"], ["epoch", "1/3"]]
        assert history(killed) == history(finished)[:1]

        done = self.spawn("in_a_checkpoint", "--resume", "--out", killed)
        assert (done.returncode, done.stderr.count("epoch 2/3")) == (-9, 1)
        assert list((killed / "checkpoint").glob(".*"))  # half a checkpoint, beside the one of epoch 2

        done = self.spawn("before_the_results", "--resume", "--out", killed)
        assert done.returncode == -9
        assert [line.split()[:2] for line in done.stderr.splitlines()] == [["Read", "150"], ["Training", "on"], ["epoch", "3/3"]]
        assert sorted(path.name for path in killed.iterdir()) == [LOCK, "checkpoint", "config.json", "history.csv"]

        resume(killed, BACKEND)
        assert (killed / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()
        assert (killed / "validation.tsv").read_bytes() == (finished / "validation.tsv").read_bytes()
        assert {path.name for path in (killed / "checkpoint").iterdir()} == {"state.npz"}

    def test_before_the_first_checkpoint_begins_anew(self, finished, quick, choose, tmp_path):
        broken = tmp_path / "broken"
        with quick.context() as patch:
            patch.setattr(callbacks, "write_checkpoint", interrupted)
            with pytest.raises(KeyboardInterrupt):
                train(choose(epochs=3), broken)
        resume(broken, BACKEND)
        assert (broken / "history.csv").read_bytes() == (finished / "history.csv").read_bytes()

    def test_of_a_finished_run_changes_nothing(self, finished, quick):
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

    def test_on_another_backend_is_refused(self, finished):
        other = "jax" if BACKEND != "jax" else "torch"
        with pytest.raises(MissingPackageError, match=f"Expected Keras on {other}, but it is already running on {BACKEND}"):
            resume(finished, other)

    def test_with_other_data_is_refused(self, quick, choose, tmp_path):
        library = write_library(tmp_path / "library.tsv")
        train(choose(data=str(library), epochs=1), tmp_path / "run")
        write_library(library, seed=1)
        with pytest.raises(InputError, match=r"Cannot resume the run in .*: the data in .*library\.tsv have changed since it was started"):
            resume(tmp_path / "run", BACKEND)

    def test_finds_relative_paths_from_another_folder(self, quick, choose, tmp_path, monkeypatch):
        write_library(tmp_path / "library.tsv")
        monkeypatch.chdir(tmp_path)
        train(choose(data="library.tsv", epochs=1), tmp_path / "run")
        monkeypatch.chdir("/")
        assert resume(tmp_path / "run", BACKEND)["n"] == 15

    def test_of_no_run_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"No run to resume: .*config\.json does not exist"):
            resume(tmp_path, BACKEND)


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
            ({"batch_size": 136}, "Expected at least 136 examples for one batch, got 135"),
            ({"valid_fraction": 1.0}, "validation fraction"),
            ({"valid_fraction": 0.0}, "validation fraction"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_leave_no_folder(self, quick, choose, tmp_path, choices, message):
        with pytest.raises(DreamkerasError, match=message):
            train(choose(**choices), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_folder_that_holds_something_stays_as_it_is(self, quick, choose, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match="Expected a new or empty folder"):
            train(choose(), tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_folder_below_a_file_cannot_be(self, quick, choose, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DreamkerasError, match=r"Cannot write .*file/run: Not a directory"):
            train(choose(), tmp_path / "file" / "run")

    def test_a_loss_that_is_no_number_names_the_epoch(self, quick, choose, tmp_path):
        with pytest.raises(ModelError, match=r"Expected a finite loss, got .* in epoch 1: try a lower learning rate"):
            train(choose(learning_rate=1e30), tmp_path / "run")

    def test_what_the_export_needs_is_looked_for_before_training(self, quick, choose, tmp_path):
        quick.setattr("dreamkeras.export.tracing_process.PACKAGES", {"no_such_package": "train"})
        with pytest.raises(DreamkerasError, match="no_such_package"):
            train(choose(), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_config_of_another_kind(self, tmp_path):
        (tmp_path / "config.json").write_text('{"epochs": 3, "colour": "red"}')
        with pytest.raises(InputError, match=r"Cannot read .*config\.json as the configuration of a run: .*colour"):
            resume(tmp_path, BACKEND)
