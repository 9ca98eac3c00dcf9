import errno
import json

import keras
import numpy as np
import pytest
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.examples import Examples
from dreamkeras.errors import DreamkerasError, ExportError, ModelError
from dreamkeras.layers.blocks.autosome import AutosomeCore
from dreamkeras.layers.blocks.bhi import BHIFirst
from dreamkeras.layers.blocks.heads import AutosomeRegressionFinal
from dreamkeras.models.prixfixe import PrixFixe
from dreamkeras.training.epochs.checkpoint import TrainingState
from dreamkeras.training.run_data import RunData
from dreamkeras.training.run_folder import contents as folder_module
from dreamkeras.training.run_folder.contents import Trained, write_results

CONFIG = dict.fromkeys(["data", "assay", "strategy", "seed", "batch_size", "learning_rate", "precision", "backend"])


@pytest.fixture(scope="module")
def network():
    network = tiny(find_assay("yeast"))
    network.compile("sgd")
    return network


@pytest.fixture
def results(network):
    """Returns the arguments of `write_results` after the folder."""
    windows = np.full((4, 150), ord("A"), np.uint8)
    values = np.arange(4, dtype=np.float32)[:, None]
    validation = Examples(list("abcd"), windows, values, np.zeros((4, 2), np.float32), np.array([110, 110, 111, 111], np.int32))
    state = TrainingState(rows=[{"epoch": 1, "loss": 1.0, "r": 0.1, "val_r": 0.2}], best_epoch=1, seconds=3.21)
    return CONFIG, Trained(network, state, 2 * values, None), RunData(validation, validation)


class TestResults:
    def test_metrics_and_tables_are_written(self, quick, results, tmp_path):
        figures = write_results(tmp_path, *results)
        baseline = figures.pop("baseline")
        assert (baseline["behind"], baseline["rows"], baseline["features"], baseline["tasks"]["expression"]["n"]) == ([], 4, 180, 4)
        counted = {"parameters": sum(np.prod(weight.shape) for weight in results[1].model.trainable_weights), "steps": 0}
        assert figures == {
            "r": 1,
            "rho": 1,
            "mse": 3.5,
            "relative_mse": 2.8,
            "n": 4,
            "examples": 4,
            "best_epoch": 1,
            "seconds": 3.2,
            **counted,
        }
        assert (tmp_path / "history.csv").read_text() == "epoch,loss,r,val_r\n1,1.0,0.1,0.2\n"
        table = (tmp_path / "validation.tsv").read_text().splitlines()
        assert table[0] == "id\tlength\tmeasured_expression\tpredicted_expression"
        assert table[4] == "d\t111\t3\t6"
        # All sequences are equal, so the baseline predicts the mean.
        assert (tmp_path / "baseline.tsv").read_text().splitlines() == ["id\tpredicted_expression", *(f"{name}\t1.5" for name in "abcd")]

    def test_two_tasks_have_separate_metrics(self, quick, tmp_path):
        assay = find_assay("yeast")._replace(tasks=("Dev", "Hk"), units=("log2", "log2"), bins=None)
        network = PrixFixe(assay.construct, BHIFirst(8), AutosomeCore((4,)), AutosomeRegressionFinal(2, 4), assay.tasks, assay.units)
        network.compile("sgd")
        measured = np.array([[1, 4], [2, np.nan], [3, 2], [4, 3]], np.float32)
        predicted = np.array([[1, 1], [2, 9], [3, 3], [4, 2]], np.float32)
        windows, lengths = np.full((4, 150), ord("A"), np.uint8), np.full(4, 110, np.int32)
        validation = Examples(list("abcd"), windows, measured, np.zeros((4, 2), np.float32), lengths)
        state = TrainingState(rows=[{"epoch": 1, "loss": 1.0, "r": 0.1, "val_r": 0.2}], best_epoch=1)
        figures = write_results(tmp_path, CONFIG, Trained(network, state, predicted, None), RunData(validation, validation))
        hk = np.corrcoef([4, 2, 3], [1, 3, 2])[0, 1]
        assert figures["r"] == pytest.approx((1 + hk) / 2)
        assert figures["tasks"]["Dev"] == pytest.approx({"r": 1, "rho": 1, "mse": 0, "n": 4})
        assert figures["tasks"]["Hk"] == pytest.approx({"r": hk, "rho": hk, "mse": 11 / 3, "n": 3})
        assert json.loads((tmp_path / "metrics.json").read_text())["tasks"] == figures["tasks"]
        header = (tmp_path / "validation.tsv").read_text().splitlines()[0]
        assert header == "id\tlength\tmeasured_Dev\tmeasured_Hk\tpredicted_Dev\tpredicted_Hk"
        assert "| Hk |" in (tmp_path / "README.md").read_text()

    def test_writing_twice_gives_the_same_files(self, quick, results, tmp_path):
        names = ("history.csv", "metrics.json", "validation.tsv", "README.md")
        both = []
        for _ in range(2):
            write_results(tmp_path, *results)
            both.append([(tmp_path / name).read_bytes() for name in names])
        assert both[0] == both[1]

    def test_the_saved_network_predicts_the_same(self, quick, network, results, tmp_path):
        write_results(tmp_path, *results)
        copy = keras.models.load_model(tmp_path / "model.keras")
        assert (copy.name, copy.construct, copy.tasks, copy.units) == (network.name, network.construct, network.tasks, network.units)
        for kept, weight in zip(network.get_weights(), copy.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, kept)

    def test_plots_of_all_tasks_are_written(self, results, tmp_path):
        folder_module._plot(tmp_path / "plots", results[1], results[2].validation)
        assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["expression.png", "expression_residuals.png", "history.png"]


class TestFullDisk:
    def full(self, *args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    def test_the_old_network_is_kept_and_the_error_names_the_file(self, quick, results, tmp_path):
        (tmp_path / "model.keras").write_text("old")

        def half(network, path):
            path.write_text("half")
            self.full()

        quick.setattr(keras.Model, "save", half)
        with pytest.raises(DreamkerasError, match=r"Cannot write .*model\.keras: No space left on device"):
            write_results(tmp_path, *results)
        assert (tmp_path / "model.keras").read_text() == "old"
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]

    def test_the_error_names_the_table(self, quick, results, tmp_path):
        quick.setattr("dreamkeras.files.outputs.os.fsync", self.full)
        with pytest.raises(DreamkerasError, match=r"Cannot write .*history\.csv: No space left on device"):
            write_results(tmp_path, *results)
        assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


class TestFailedExport:
    def test_the_trained_model_is_kept_and_the_error_says_how_to_continue(self, quick, results, tmp_path, monkeypatch):
        def refuse(*args, **options):
            raise ModelError("Expected the exported model to predict what Keras does.")

        monkeypatch.setattr(folder_module, "export_onnx", refuse)
        again = rf"is saved in {tmp_path} as model\.keras, but its export .*: .*Keras does\. Try again with: dreamkeras export {tmp_path}$"
        with pytest.raises(ExportError, match=again):
            write_results(tmp_path, *results)
        names = {path.name for path in tmp_path.iterdir()}
        assert {"model.keras", "metrics.json", "history.csv", "validation.tsv", "README.md"} <= names
        assert not {"model.onnx", "calibration.json"} & names
        assert "Predicts expression" in (tmp_path / "README.md").read_text()

    def test_a_failed_plot_does_not_lose_the_model(self, quick, results, tmp_path, monkeypatch):
        def fail(*args):
            raise DreamkerasError("no plot")

        monkeypatch.setattr(folder_module, "_plot", fail)
        with pytest.raises(DreamkerasError, match="no plot"):
            write_results(tmp_path, *results)
        assert (tmp_path / "model.keras").is_file()
