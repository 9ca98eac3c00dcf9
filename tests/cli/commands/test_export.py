import shutil
import sys

import pytest
from saved_models import save_small_network
from toy_models import write_toy_model

import dreamkeras
from dreamkeras.scoring.predictor import PACKAGED_MODEL


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    for package in ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("run")
    save_small_network(folder / "model.keras")
    return folder


def one_line_error(result, *parts):
    """Checks that a command failed with one error line and exit code 1."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return all(str(part) in result.stderr for part in parts)


def test_the_model_is_written_to_the_run_folder_and_the_report_printed(run, run_folder):
    result = run("export", run_folder)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert (
        lines[0] == f"Wrote {run_folder / 'model.onnx'}: model dream-cnn-small, construct yeast, mean of both strands, precision float32."
    )
    assert lines[1] == "Keras (tensorflow) against ONNX Runtime (float32) over 1,000 sequences:"
    assert lines[2].startswith("  largest difference")
    assert lines[3].startswith("  in standard dev.")
    assert lines[4].startswith("  Pearson r           1.0000")
    assert dreamkeras.load(run_folder).description.name == "dream-cnn-small"


def test_options_in_a_shell(spawn, run_folder, tmp_path):
    shutil.copy(run_folder / "model.keras", tmp_path / "mine.keras")
    output = tmp_path / "small.onnx"
    done = spawn(
        "export", tmp_path / "mine.keras", "-o", output, "--precision", "float16", "--strands", "forward", env={"KERAS_BACKEND": "jax"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "strand as given, precision float16." in done.stdout
    description = dreamkeras.load(output).description
    assert (description.construct.strands, description.parity["precision"]) == ("given", "float16")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "small.onnx"]


def test_missing_package_is_one_line(run, run_folder, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    assert one_line_error(run("export", run_folder, "-o", tmp_path / "m.onnx"), "tf2onnx", "pip install 'dreamkeras[train]'")
    assert list(tmp_path.iterdir()) == []


def test_an_output_cannot_be_an_input(run, tmp_path):
    models = [tmp_path / "a.onnx", tmp_path / "run" / "model.keras"]
    models[1].parent.mkdir()
    for model in models:
        model.write_text("x")
        assert one_line_error(run("export", models[0], models[1].parent, "-o", model), "Output would overwrite the input")
        assert model.read_text() == "x"


def test_missing_run_is_one_line(run, tmp_path):
    assert one_line_error(run("export", tmp_path / "no"), "run folder", tmp_path / "no")


def test_other_keras_file_is_one_line(run, tmp_path):
    keras = pytest.importorskip("keras")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    assert one_line_error(run("export", tmp_path / "other.keras"), "got a Sequential", "other.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["other.keras"]


@pytest.mark.parametrize("args", [[], ["run", "--precision", "int4"], ["run", "--strands", "given"], ["run", "--least-r", "0.99"]])
def test_wrong_usage_exits_2(run, args):
    assert run("export", *args).exit_code == 2


def test_without_bias_requires_a_model_with_a_bias(run, run_folder, tmp_path):
    result = run("export", run_folder, "--without-bias", "-o", tmp_path / "m.onnx")
    assert one_line_error(result, "trained with an enzyme's bias")
    assert not (tmp_path / "m.onnx").exists()
    assert run("export", run_folder, run_folder, "--without-bias", "-o", tmp_path / "m.onnx").exit_code == 2


class TestEnsemble:
    def test_several_models_become_one_file_that_predicts(self, run, toy_model, tmp_path):
        triple, output = write_toy_model(tmp_path / "triple.onnx", weight=3), tmp_path / "ensemble.onnx"
        result = run("export", toy_model, triple, "-o", output)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.splitlines()[:2] == [
            f"Wrote {output}: model ensemble-of-2, construct toy, strand as given, precision float32.",
            "The members against the ensemble (float32) over 1,000 sequences:",
        ]
        (tmp_path / "in.fa").write_text(">x\nGGGGA\n")
        predicted = run("predict", tmp_path / "in.fa", "-m", output).stdout
        assert predicted == "id\tgc\ta\tgc_sd\ta_sd\nx\t8\t2\t5.65685\t1.41421\n"
        assert run("predict", tmp_path / "in.fa", "-m", toy_model, "-m", triple).stdout == predicted

    def test_the_folder_of_an_ensemble_is_exported_in_place(self, run, toy_model, tmp_path):
        folder = tmp_path / "two"
        for seed in (0, 1):
            (folder / f"seed-{seed}").mkdir(parents=True)
            write_toy_model(folder / f"seed-{seed}" / "model.onnx", weight=1 + 2 * seed)
            (folder / f"seed-{seed}" / "model.keras").write_bytes(b"PK\x03\x04")
        (folder / "config.json").write_text('{"ensemble": 2, "seed": 0}')
        result = run("export", folder)
        assert (result.exit_code, result.stdout.splitlines()[0]) == (
            0,
            f"Wrote {folder / 'model.onnx'}: model ensemble-of-2, construct toy, strand as given, precision float32.",
        )
        (tmp_path / "in.fa").write_text(">x\nGGGGA\n")
        assert run("predict", tmp_path / "in.fa", "-m", folder).stdout.splitlines()[1] == "x\t8\t2\t5.65685\t1.41421"
        refused = run("export", folder, "--without-bias")
        assert (refused.exit_code, "An ensemble has no --without-bias" in refused.stderr) == (2, True)
        assert one_line_error(run("export", folder, "--precision", "int8", "-o", tmp_path / "m.onnx"), "export each member in int8")

    def test_requires_an_output(self, run, toy_model):
        result = run("export", toy_model, toy_model)
        assert (result.exit_code, "-o FILE" in result.stderr) == (2, True)

    def test_models_with_different_tasks_are_one_line(self, run, toy_model, tmp_path):
        other = write_toy_model(tmp_path / "other.onnx", tasks=("gc",))
        assert one_line_error(run("export", toy_model, other, "-o", tmp_path / "m.onnx"), "the same tasks")
        assert not (tmp_path / "m.onnx").exists()


class TestTriton:
    def test_each_export_is_a_new_version(self, run, toy_model, tmp_path):
        first, second = (run("export", toy_model, "--triton", tmp_path / "models") for _ in range(2))
        target = tmp_path / "models/toy/1/model.onnx"
        said = f"Wrote {target}: model toy, construct toy, strand as given, precision float32, copied from {toy_model}.\n"
        assert first.stdout == said
        assert (second.exit_code, second.stderr) == (0, "")
        assert sorted(path.name for path in (tmp_path / "models/toy").iterdir()) == ["1", "2", "config.pbtxt"]

    def test_no_parity_is_printed_for_a_file_that_is_only_copied(self, run, tmp_path):
        result = run("export", PACKAGED_MODEL, "--triton", tmp_path)
        assert dreamkeras.load(tmp_path / "yeast/1").description.parity
        assert result.stdout.endswith(f"float32, copied from {PACKAGED_MODEL}.\n")
        assert result.stdout.count("\n") == 1

    def test_run_folder_under_a_name_and_for_a_gpu(self, run, run_folder, tmp_path):
        result = run("export", run_folder, "--triton", tmp_path, "--name", "promoter", "--triton-device", "gpu", "--precision", "float16")
        assert result.stdout.startswith(f"Wrote {tmp_path / 'promoter/1/model.onnx'}: model dream-cnn-small, construct yeast")
        assert "KIND_GPU" in (tmp_path / "promoter/config.pbtxt").read_text()
        assert dreamkeras.load(tmp_path / "promoter/1").description.parity["precision"] == "float16"

    def test_ensemble(self, run, toy_model, tmp_path):
        other = write_toy_model(tmp_path / "other.onnx", weight=2)
        result = run("export", toy_model, other, "--triton", tmp_path, "--name", "both")
        assert result.exit_code == 0
        assert 'name: "sd"' in (tmp_path / "both/config.pbtxt").read_text()

    @pytest.mark.parametrize(
        "args", [["--triton", "models", "-o", "m.onnx"], ["--name", "x"], ["--triton", "models", "--triton-device", "tpu"]]
    )
    def test_wrong_usage_exits_2(self, run, toy_model, args):
        assert run("export", toy_model, *args).exit_code == 2

    def test_an_invalid_name_is_one_line(self, run, toy_model, tmp_path):
        assert one_line_error(run("export", toy_model, "--triton", tmp_path, "--name", "../x"), "--name")
