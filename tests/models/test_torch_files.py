"""Reading torch checkpoints without torch: compared with torch, and tested on malicious and damaged files."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from dreamkeras.errors import ModelError
from dreamkeras.models.torch_files import STORAGES, read_state_dict


def write_checkpoint(path, pickled, storages=(), compression=zipfile.ZIP_STORED, **parts):
    """Writes a checkpoint in torch's layout from the bytes of its pickle and its storages."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, content in enumerate(storages):
            archive.writestr(f"archive/data/{key}", content)
        for name, content in parts.items():
            archive.writestr(f"archive/{name}", content)
    return str(path)


class Named:
    """An object that is pickled as a call of a global function by its name, as a malicious file can contain."""

    def __init__(self, module, name, *arguments):
        self.module, self.name, self.arguments = module, name, arguments


class Storage(tuple):
    """An object that is pickled as a reference to a storage."""

    __slots__ = ()


def pickled(content):
    class Writer(pickle._Pickler):
        def persistent_id(self, value):
            return tuple(value) if isinstance(value, Storage) else None

        def save(self, value, save_persistent_id=True):
            if not isinstance(value, Named):
                return super().save(value, save_persistent_id)
            self.write(f"c{value.module}\n{value.name}\n".encode())
            if value.arguments:
                super().save(value.arguments)
                self.write(b"R")
            return None

    stream = io.BytesIO()
    Writer(stream, protocol=2).dump(content)
    return stream.getvalue()


def one_tensor(path, shape, strides, offset=0, numbers=6, size=None, **options):
    """Writes a checkpoint with one tensor whose storage has the values 0 to `numbers` - 1."""
    storage = Storage(("storage", Named("torch", "FloatStorage"), "0", "cpu", numbers if size is None else size))
    tensor = Named("torch._utils", "_rebuild_tensor_v2", storage, offset, shape, strides, False, OrderedDict())
    return write_checkpoint(path, pickled({"w": tensor}), [np.arange(numbers, dtype="<f4").tobytes()], **options)


def refusal(path):
    with pytest.raises(ModelError) as raised:
        read_state_dict(str(path))
    text = str(raised.value)
    assert str(path) in text
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.parametrize("model", ["cnn", "rnn", "attn"])
def test_the_golden_checkpoints_are_read_as_torch_reads_them(model, data_folder):
    torch = pytest.importorskip("torch")
    path = data_folder / "golden" / f"dream_{model}_yeast.pth"
    wanted = torch.load(path, weights_only=True)
    came = read_state_dict(str(path))
    assert list(came) == list(wanted)
    for name, values in wanted.items():
        assert came[name].dtype == values.numpy().dtype
        np.testing.assert_array_equal(came[name], values.numpy())


@pytest.fixture
def saved(tmp_path):
    """Returns a function that saves `content` with torch and returns the path."""
    torch = pytest.importorskip("torch")

    def save(content, **options):
        torch.save(content, tmp_path / "model.pth", **options)
        return str(tmp_path / "model.pth")

    return save


def test_every_dtype_and_view_is_read_as_torch_reads_it(saved):
    torch = pytest.importorskip("torch")
    kinds = [torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
    assert len(kinds) == len(STORAGES)
    state = {str(kind): torch.arange(-3, 9).to(kind) for kind in kinds}
    base = torch.arange(60.0).reshape(3, 4, 5)
    state |= {"whole": base, "turned": base.permute(2, 0, 1), "part": base[1:, ::2, 3], "one": base[2, 2, 2], "none": torch.zeros(0, 3)}
    state["parameter"] = torch.nn.Parameter(base[0])
    came = read_state_dict(saved(state))
    assert list(came) == list(state)
    for name, values in state.items():
        wanted = values.detach().numpy()
        assert came[name].dtype == wanted.dtype, name
        np.testing.assert_array_equal(came[name], wanted, err_msg=name)


def test_a_modules_state_dict_with_its_metadata_is_read(saved):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 5), torch.nn.BatchNorm1d(3))
    came = read_state_dict(saved(module.state_dict()))
    assert {name: values.shape for name, values in came.items()} == {n: tuple(v.shape) for n, v in module.state_dict().items()}
    assert came["1.num_batches_tracked"] == 0


@pytest.mark.parametrize("wrapper", ["model_state_dict", "state_dict"])
def test_a_trainers_checkpoint_is_unwrapped(saved, wrapper):
    torch = pytest.importorskip("torch")
    came = read_state_dict(saved({"epoch": 3, wrapper: OrderedDict(w=torch.ones(2)), "loss": 0.5}))
    assert list(came) == ["w"]


def test_returned_arrays_are_writable(tmp_path):
    came = read_state_dict(one_tensor(tmp_path / "w.pth", (2, 3), (3, 1)))
    np.testing.assert_array_equal(came["w"], np.arange(6).reshape(2, 3))
    came["w"][0, 0] = 7


def test_torch_is_not_imported(tmp_path):
    path = one_tensor(tmp_path / "w.pth", (6,), (1,))
    code = f"import sys; from dreamkeras.models import torch_files as files; files.read_state_dict({path!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class Harm:
    """An object that creates a folder when it is unpickled by the standard library."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_code_in_a_malicious_pickle_is_not_executed(tmp_path):
    target = tmp_path / "harm"
    pickle.loads(pickle.dumps(Harm(target)))
    target.rmdir()  # the standard library executes the pickle
    path = write_checkpoint(tmp_path / "bad.pth", pickle.dumps({"w": Harm(target)}, protocol=2))
    assert f"got one that contains {os.mkdir.__module__}.mkdir" in refusal(path)
    assert not target.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "eval"), ("torch", "load"), ("torch._utils", "_rebuild_tensor"), ("torch.nn", "Linear"), ("collections", "Counter")],
)
def test_a_rejected_global_is_named(tmp_path, module, name):
    path = write_checkpoint(tmp_path / "bad.pth", pickled({"w": Named(module, name, "1")}))
    assert f"got one that contains {module}.{name}" in refusal(path)


def test_a_pickled_module_is_rejected_with_advice(saved):
    torch = pytest.importorskip("torch")
    assert "as returned by model.state_dict()" in refusal(saved(torch.nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((7,), (1,), 0), ((6,), (1,), 1), ((3,), (3,), 0), ((2,), (-1,), 3), ((2,), (1,), -1), ((10**6, 10**6), (0, 0), 0), ((-1,), (1,), 0)],
)
def test_a_tensor_that_exceeds_its_storage_is_rejected(tmp_path, shape, strides, offset):
    assert "within its storage of 6 values" in refusal(one_tensor(tmp_path / "w.pth", shape, strides, offset))


def test_shape_and_strides_of_different_lengths_are_rejected(tmp_path):
    assert "ValueError" in refusal(one_tensor(tmp_path / "w.pth", (2, 3), (1,)))


def test_a_storage_of_the_wrong_size_is_rejected(tmp_path):
    assert "Expected 28 bytes (7 float32 values) in archive/data/0, got 24 bytes" in refusal(
        one_tensor(tmp_path / "w.pth", (6,), (1,), size=7)
    )


def test_a_compressed_checkpoint_is_rejected(tmp_path):
    path = one_tensor(tmp_path / "w.pth", (6,), (1,), compression=zipfile.ZIP_DEFLATED)
    assert "without compression, got the compressed part archive/data.pkl" in refusal(path)


def test_big_endian_numbers_are_rejected(tmp_path):
    assert "Expected little-endian numbers, got 'big'" in refusal(one_tensor(tmp_path / "w.pth", (6,), (1,), byteorder=b"big"))
    assert len(read_state_dict(one_tensor(tmp_path / "w.pth", (6,), (1,), byteorder=b"little"))) == 1


def test_a_reference_other_than_a_storage_is_rejected(tmp_path):
    reference = Storage(("module", "<f4", "0", "cpu", 6))
    assert "Expected a reference to a tensor storage" in refusal(write_checkpoint(tmp_path / "w.pth", pickled({"w": reference})))


@pytest.mark.parametrize(
    ("content", "came"),
    [
        ({}, "an empty one"),
        ([1], "list"),
        ({"epoch": 3}, "int for the key 'epoch'"),
        ({"state_dict": {"lr": 0.1}}, "float for the key 'lr'"),
    ],
)
def test_content_other_than_tensors_is_rejected(tmp_path, content, came):
    assert f"got {came}" in refusal(write_checkpoint(tmp_path / "w.pth", pickle.dumps(content, protocol=2)))


def test_a_checkpoint_of_old_torch_is_rejected_with_advice(saved):
    torch = pytest.importorskip("torch")
    assert "save it again with torch >= 1.6" in refusal(saved({"w": torch.ones(2)}, _use_new_zipfile_serialization=False))


@pytest.mark.parametrize("content", [b"\0no checkpoint", b"PK\x03\x04 only"])
def test_the_error_for_another_file_names_it(tmp_path, content):
    (tmp_path / "no.pth").write_bytes(content)
    assert "no.pth as a checkpoint of torch >= 1.6: " in refusal(tmp_path / "no.pth")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"text", "a text file"),
        (b'\x40\0\0\0\0\0\0\0{"w":', "a safetensors file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path, content, kind):
    (tmp_path / "no.pth").write_bytes(content)
    assert refusal(tmp_path / "no.pth") == f"Expected a PyTorch checkpoint, got {kind}: {tmp_path / 'no.pth'}."


def test_another_zip_file_is_rejected(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("letter.txt", "dear")
    assert "got a zip file in which 0 folders have a data.pkl" in refusal(tmp_path / "other.zip")


def test_a_truncated_or_altered_file_is_rejected(tmp_path):
    one_tensor(tmp_path / "w.pth", (6,), (1,))
    content = bytearray((tmp_path / "w.pth").read_bytes())
    for cut in range(0, len(content), 37):
        (tmp_path / "cut.pth").write_bytes(content[:cut])
        refusal(tmp_path / "cut.pth")
    start = content.index(np.arange(6, dtype="<f4").tobytes())
    content[start] ^= 1
    (tmp_path / "flipped.pth").write_bytes(content)
    assert "BadZipFile" in refusal(tmp_path / "flipped.pth")


def test_the_error_for_a_missing_file_or_a_folder_has_the_reason(tmp_path):
    assert "No such file" in refusal(tmp_path / "no.pth")
    assert "directory" in refusal(tmp_path)
