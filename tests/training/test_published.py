"""Tests of the import of published weights: the run folder appears only when complete."""

import pytest
from toy_models import TOY

from dreamkeras.errors import DreamkerasError, ExportError, ModelError
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training import published


@pytest.fixture
def fill(monkeypatch):
    """`fill(folder)`: imports weights with stand-ins for the checkpoint, the network and the export, which can fail."""

    class Network:
        def save(self, path):
            path.write_text("weights")

        def describe(self):
            return ModelDescription("toy", TOY, ("gc",), ("letters",))

    def export(failure):
        def write(folder, **options):
            (folder / "model.onnx").write_text("graph")
            if failure:
                raise failure

        return write

    def run(folder, checkpoint, failure=None):
        monkeypatch.setattr("dreamkeras.training.run_folder.contents.export_onnx", export(failure))
        return published.import_weights(str(checkpoint), "dream-cnn", "yeast", folder)

    monkeypatch.setattr(published, "read_state_dict", lambda path: {})
    monkeypatch.setattr(published, "assign_state_dict", lambda network, state: None)
    monkeypatch.setattr(published, "build_model", lambda model, assay: Network())
    monkeypatch.setattr(published, "model_card", lambda *args: "# dream-cnn\n")
    return run


@pytest.fixture
def checkpoint(tmp_path):
    (tmp_path / "model_best.pth").write_bytes(b"weights")
    return tmp_path / "model_best.pth"


@pytest.mark.parametrize("place", ["run", "new/deep/run"])
def test_the_complete_folder_appears(tmp_path, fill, checkpoint, place):
    fill(tmp_path / place, checkpoint)
    assert {path.name for path in (tmp_path / place).iterdir()} == {"model.keras", "model.onnx", "config.json", "README.md"}
    assert {path.name for path in tmp_path.iterdir()} == {"model_best.pth", place.split("/")[0]}


def test_an_empty_folder_is_filled(tmp_path, fill, checkpoint):
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", checkpoint)
    assert (tmp_path / "run" / "model.onnx").exists()


def test_a_relative_folder_is_filled(tmp_path, fill, checkpoint, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(published.Path("runs/published"), checkpoint)
    assert (tmp_path / "runs" / "published" / "model.onnx").exists()


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_no_folder(tmp_path, fill, checkpoint, failure):
    with pytest.raises((DreamkerasError, KeyboardInterrupt)):
        fill(tmp_path / "new" / "run", checkpoint, failure)
    assert [path.name for path in tmp_path.iterdir()] == ["model_best.pth"]


def test_a_model_that_cannot_be_exported_is_kept(tmp_path, fill, checkpoint):
    folder = tmp_path / "run"
    with pytest.raises(
        ExportError, match=rf"The model is saved in {folder} as model.keras.* no Try again with: dreamkeras export {folder}$"
    ):
        fill(folder, checkpoint, ModelError("no"))
    assert {path.name for path in folder.iterdir()} >= {"model.keras", "config.json", "README.md"}


def test_the_error_on_a_full_disk_names_the_folder(tmp_path, fill, checkpoint):
    with pytest.raises(DreamkerasError, match=r"Cannot write .*run: No space left on device"):
        fill(tmp_path / "run", checkpoint, OSError(28, "No space left on device"))


def test_a_folder_with_files_is_not_changed(tmp_path, fill, checkpoint):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").touch()
    with pytest.raises(DreamkerasError, match="Expected a new or empty folder"):
        fill(tmp_path / "run", checkpoint)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]
