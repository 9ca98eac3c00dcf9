import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dreamkeras
from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.export import child_process, export_onnx, tracing_process, tracing_worker
from dreamkeras.export.keras_settings import child_environment, keras_backend
from dreamkeras.export.parity import parity_letters
from dreamkeras.export.tracing_process import require_packages, trace_with_tensorflow
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.construct import Construct

TOY = Construct("toy", 20, "AC", "GT", alignment="left", shortest=3, strands="given", flags=("is_reverse",))

BLOCKS = """
from keras import layers, ops
from dreamkeras.layers.slots import Core, FinalLayers, FirstLayers, register_block

@register_block("toy_first")
class ToyFirst(FirstLayers):
    def call(self, encoded):
        return encoded[..., :4]

@register_block("toy_core")
class ToyCore(Core):
    def call(self, features):
        return features

@register_block("toy_final")
class ToyFinal(FinalLayers):
    def call(self, features):
        weights = ops.convert_to_tensor([[1.0], [20.0], [300.0], [4000.0]])
        return {"expression": ops.sum(features @ weights, axis=1) / 1000}

@register_block("toy_grouped")
class ToyGrouped(Core):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv1D(4, 3, groups=2, padding="same")

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, features):
        return self.convolution(features)
"""


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """Imports a module with blocks of a third party, which child processes can import as well."""
    slots = pytest.importorskip("dreamkeras.layers.slots", reason="needs Keras")
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "their_blocks.py").write_text(BLOCKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        module = importlib.import_module("their_blocks")
        yield module
    for registered in slots.BLOCKS.values():  # tests in other files count the registered blocks
        for name in [name for name, block in registered.items() if block.__module__ == module.__name__]:
            del registered[name]


@pytest.fixture
def save(blocks, tmp_path):
    """Returns `save(core)`, which saves a network of the toy blocks and returns its path."""
    from dreamkeras.models.prixfixe import PrixFixe

    def save_network(core, construct=TOY):
        PrixFixe(construct, blocks.ToyFirst(), core, blocks.ToyFinal(), name="theirs").save(tmp_path / "theirs.keras")
        return tmp_path / "theirs.keras"

    return save_network


@pytest.fixture
def elsewhere(monkeypatch):
    """Makes every export use a child process, with any backend of this process."""
    monkeypatch.setattr(tracing_process, "keras_backend", lambda: None)


def expected(letters):
    """Computes the predictions of the toy network in NumPy."""
    return (ONE_HOT[letters].sum(1) @ np.array([1, 20, 300, 4000]) / 1000)[:, None]


def test_third_party_blocks_are_exported_in_a_child_process(save, blocks, elsewhere, capfd):
    file = save(blocks.ToyCore())
    capfd.readouterr()
    description = export_onnx(file)
    assert (description.name, description.construct) == ("theirs", TOY)
    model = dreamkeras.load(file.with_suffix(".onnx"), device="cpu")
    letters = parity_letters(TOY)  # with N, lower case and every IUPAC code
    np.testing.assert_allclose(model.score_letters(letters), expected(letters), rtol=1e-6)
    assert capfd.readouterr() == ("", "")


def test_blocks_that_cannot_be_imported_are_named(save, blocks, elsewhere, monkeypatch):
    file = save(blocks.ToyCore())
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not (Path(path) / "their_blocks.py").exists()])
    reason = r"their_blocks:ToyFirst, the first block of the model\. Module their_blocks cannot be imported"
    with pytest.raises(ModelError, match=reason) as caught:
        export_onnx(file)
    assert "\n" not in str(caught.value)
    assert not file.with_suffix(".onnx").exists()


def test_invalid_graph_is_rejected(save, blocks):
    """Keras's own grouped convolution is not supported: tf2onnx converts it to a call of an undefined function."""
    file = save(blocks.ToyGrouped())
    with pytest.raises(ModelError, match=r"exported graph of theirs is not valid ONNX|Cannot convert theirs to ONNX with TensorFlow"):
        export_onnx(file)
    assert not file.with_suffix(".onnx").exists()


def test_error_for_a_failed_process_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tracing_process, "keras_backend", lambda: None)
    monkeypatch.setattr(tracing_process, "child_environment", lambda backend: {**os.environ, "PYTHONPATH": "", "PYTHONHOME": str(tmp_path)})
    with pytest.raises(ModelError, match=r"The TensorFlow process for the export of .* failed: ") as caught:
        trace_with_tensorflow(tmp_path / "m.keras", None)
    assert "\n" not in str(caught.value)


def test_the_child_has_the_requested_backend_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert child_environment("tensorflow")["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_tensorflow_exports_without_a_gpu(tmp_path, elsewhere, monkeypatch):
    environments = []

    def run(command, env, **options):
        environments.append(env)
        return subprocess.CompletedProcess(command, 1, b"", b"no luck")

    monkeypatch.setattr(child_process.subprocess, "run", run)
    with pytest.raises(ModelError, match="no luck"):
        trace_with_tensorflow(tmp_path / "m.keras", None)
    assert [(env["KERAS_BACKEND"], env["CUDA_VISIBLE_DEVICES"]) for env in environments] == [("tensorflow", "-1")]


def test_keras_backend_is_that_of_an_imported_keras(monkeypatch):
    keras = pytest.importorskip("keras")
    assert keras_backend() == keras.backend.backend()
    monkeypatch.delitem(sys.modules, "keras")
    assert keras_backend() is None


def test_missing_packages_are_named_with_their_extras(monkeypatch):
    monkeypatch.setattr(tracing_process.importlib.util, "find_spec", lambda name: None if name in ("onnx", "onnxruntime") else name)
    with pytest.raises(MissingPackageError, match=r"The export requires onnx, onnxruntime: pip install 'dreamkeras\[train,cpu\]'\."):
        require_packages()


def test_worker_writes_a_one_line_error_for_a_malformed_file(tmp_path):
    if keras_backend() not in (None, "tensorflow"):
        pytest.skip("the worker runs under TensorFlow")
    (tmp_path / "m.keras").write_text("no zip")
    assert tracing_worker.main(str(tmp_path / "m.keras"), "-", str(tmp_path), "1000") == 1
    assert "an accessible `.keras` zip file" in (tmp_path / "error.txt").read_text()


@pytest.mark.parametrize("is_full", [False, True], ids=["room for the message", "full"])
def test_a_full_temporary_folder_is_one_line(tmp_path, monkeypatch, capsys, is_full):
    def trace(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tracing = pytest.importorskip("dreamkeras.export.tracing")
    monkeypatch.setattr(tracing, "trace", trace)
    folder = tmp_path / "missing" if is_full else tmp_path
    assert tracing_worker.main("m.keras", "-", str(folder), "8") == 1
    message = capsys.readouterr().err if is_full else (tmp_path / "error.txt").read_text()
    assert message.strip().startswith("Cannot write temporary files")
    assert message.strip().endswith("No space left on device. Set TMPDIR to another folder.")
