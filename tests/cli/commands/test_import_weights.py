"""Tests of `dreamkeras import-weights`: a published checkpoint becomes a run folder, and an invalid checkpoint leaves no folder."""

import hashlib
import json
import pickle
import zipfile

import numpy as np
import pytest


@pytest.fixture(scope="module")
def published(data_folder, tmp_path_factory):
    """Returns the run folder of an imported DREAM-RNN, its checkpoint, and the result of the command."""
    pytest.importorskip("keras")
    from click.testing import CliRunner

    from dreamkeras.cli.main import main

    checkpoint = data_folder / "golden" / "dream_rnn_yeast.pth"
    folder = tmp_path_factory.mktemp("imported") / "runs" / "published"
    done = CliRunner().invoke(main, ["import-weights", str(checkpoint), "--model", "dream-rnn", "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return folder, checkpoint, done


def test_the_exported_model_predicts_as_the_reference(published, data_folder):
    import dreamkeras

    golden = data_folder / "golden"
    sequences = (golden / "yeast_sequences.txt").read_text().split()
    with np.load(golden / "dream_rnn_yeast_expected.npz") as wanted:
        np.testing.assert_allclose(dreamkeras.load(published[0]).predict(sequences), wanted["mean"], atol=1e-4)


def test_only_a_run_folder_is_written(published):
    folder, _, done = published
    assert {path.name for path in folder.iterdir()} == {"model.keras", "model.onnx", "config.json", "README.md"}
    assert [path.name for path in folder.parent.parent.iterdir()] == ["runs"]
    assert [path.name for path in folder.parent.iterdir()] == ["published"]
    assert done.stdout == ""
    assert "dream-rnn for yeast" in done.stderr
    assert "largest difference" in done.stderr


def test_the_source_of_the_weights_is_recorded(published):
    import dreamkeras

    folder, checkpoint, _ = published
    origin = {"source": checkpoint.name, "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}
    config = {"model": "dream-rnn", "assay": "yeast", **origin}
    assert json.loads((folder / "config.json").read_text()) == config
    assert dreamkeras.load(folder).description.training == config
    card = (folder / "README.md").read_text()
    assert all(text in card for text in (*origin.values(), "Weights: published"))
    assert "simulated" not in card


def test_the_folder_is_accepted_as_a_model(published, run, tmp_path):
    (tmp_path / "one.txt").write_text("ACGTTGCA" * 10)
    done = run("predict", tmp_path / "one.txt", "-m", published[0])
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 2


def test_a_folder_with_files_is_refused(published, run):
    folder, checkpoint, _ = published
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run("import-weights", checkpoint, "--model", "dream-rnn", "-o", folder)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Expected a new or empty folder" in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.fixture
def refused(run, tmp_path):
    """`refused(file, *options)`: the one line of a failure that left nothing behind."""
    pytest.importorskip("keras")

    def refuse(file, *options):
        there = sorted(path.name for path in tmp_path.iterdir())
        done = run("import-weights", file, *options, "-o", tmp_path / "new" / "run")
        assert done.exit_code == 1
        assert done.stdout == ""
        assert sorted(path.name for path in tmp_path.iterdir()) == there
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    return refuse


@pytest.fixture
def weights_of_nothing(tmp_path):
    """A valid checkpoint without tensors."""
    with zipfile.ZipFile(tmp_path / "nothing.pth", "w") as archive:
        archive.writestr("nothing/data.pkl", pickle.dumps({"epoch": 3}, protocol=2))
    return tmp_path / "nothing.pth"


def test_the_path_of_a_missing_file_is_reported(refused, tmp_path):
    assert "no.pth: No such file" in refused(tmp_path / "no.pth", "--model", "dream-rnn")


def test_the_path_of_an_invalid_checkpoint_is_reported(refused, tmp_path):
    (tmp_path / "notes.pth").write_bytes(b"\0 no weights")
    assert "save it again with torch >= 1.6" in refused(tmp_path / "notes.pth", "--model", "dream-rnn")


def test_the_path_of_a_checkpoint_without_weights_is_reported(refused, weights_of_nothing):
    assert "got int for the key 'epoch'" in refused(weights_of_nothing, "--model", "dream-rnn")


def test_weights_of_another_model_are_refused(refused, data_folder):
    text = refused(data_folder / "golden" / "dream_rnn_yeast.pth", "--model", "dream-cnn")
    assert "The weights are not those of dream-cnn for yeast" in text
    assert "core.lstm.weight_ih_l0" in text


@pytest.mark.parametrize(("options", "message"), [
    (["--model", "dream-cm"], "Expected a model among dream-cnn, "),
    (["--model", "dream-rnn", "--assay", "worm"], "Expected one of the assays "),
])  # fmt: skip
def test_errors_on_unknown_names_list_the_known_names(refused, weights_of_nothing, options, message):
    assert message in refused(weights_of_nothing, *options)


def test_the_model_is_required(run, weights_of_nothing):
    done = run("import-weights", weights_of_nothing)
    assert done.exit_code == 2
    assert "--model" in done.stderr
