import shutil
import sys

import pytest
from saved_models import save_small_network

import dreamkeras


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    for package in ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("run")
    save_small_network(folder / "model.keras")
    return folder


def one_line_error(result, *parts):
    """Checks that a command failed as a wrong input has to."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return all(str(part) in result.stderr for part in parts)


def test_run_folder_gets_its_model_and_the_report_is_printed(run, run_folder):
    result = run("export", run_folder)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"Wrote {run_folder / 'model.onnx'}: dream-cnn-small, construct yeast, mean of both strands, float32."
    assert lines[1] == "Keras (tensorflow) against ONNX Runtime (float32) over 1,000 sequences:"
    assert lines[2].startswith("  largest difference")
    assert lines[3].startswith("  Pearson r           1.0000")
    assert dreamkeras.load(run_folder).description.name == "dream-cnn-small"


def test_options_in_a_shell(spawn, run_folder, tmp_path):
    shutil.copy(run_folder / "model.keras", tmp_path / "mine.keras")
    output = tmp_path / "small.onnx"
    done = spawn(
        "export", tmp_path / "mine.keras", "-o", output, "--precision", "float16", "--strands", "forward", env={"KERAS_BACKEND": "jax"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "strand as given, float16." in done.stdout
    description = dreamkeras.load(output).description
    assert (description.construct.strands, description.parity["precision"]) == ("given", "float16")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "small.onnx"]


def test_missing_package(run, run_folder, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    assert one_line_error(run("export", run_folder, "-o", tmp_path / "m.onnx"), "tf2onnx", "pip install 'dreamkeras[train]'")
    assert list(tmp_path.iterdir()) == []


def test_no_run(run, tmp_path):
    assert one_line_error(run("export", tmp_path / "no"), "run folder", tmp_path / "no")


def test_file_that_is_not_ours(run, tmp_path):
    keras = pytest.importorskip("keras")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    assert one_line_error(run("export", tmp_path / "other.keras"), "got a Sequential", "other.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["other.keras"]


@pytest.mark.parametrize("args", [[], ["run", "--precision", "int8"], ["run", "--strands", "given"]])
def test_wrong_usage_exits_2(run, args):
    assert run("export", *args).exit_code == 2
