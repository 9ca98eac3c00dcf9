"""Reads the tensors of a PyTorch checkpoint without torch. No class or function named in the file is imported or called.

`torch_weights` assigns the tensors to a network.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from dreamkeras.errors import ModelError, one_line
from dreamkeras.files.decompression import require_file_kind
from dreamkeras.files.kinds import TORCH

__all__ = ["read_state_dict"]

STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
"""NumPy dtypes of torch's storage classes."""

WRAPPERS = ("model_state_dict", "state_dict")
"""Keys that training scripts use for the network's state_dict in a checkpoint."""


def read_state_dict(path: str) -> dict[str, np.ndarray]:
    """Reads the tensors of a PyTorch checkpoint.

    Args:
        path: A file written by `torch.save(model.state_dict(), path)` with torch 1.6 or later. The file may also contain a dictionary with
            the state_dict under one of the keys in `WRAPPERS`.

    Returns:
        Arrays by name. The order and precision of the arrays are those of the file. The axes of each array are in the order of torch.

    Raises:
        ModelError: The file cannot be read, is damaged, or contains objects other than tensors. The message names the file.

    Example:
        `read_state_dict("model_best.pth")["final.mapper.0.bias"].shape`
    """
    require_file_kind(path, TORCH, ModelError)
    try:
        with zipfile.ZipFile(path) as archive:
            return _tensors(_Checkpoint(archive).load())
    except ModelError as error:
        raise ModelError(f"{error} ({path}).") from None
    except OSError as error:
        raise ModelError(f"Cannot read the torch checkpoint {path}: {error.strerror or error}.") from None
    except Exception as error:  # a damaged file can make pickle and zipfile raise any exception
        advice = "If torch can read the file, save it again with torch >= 1.6: torch.save(torch.load(FILE, weights_only=True), FILE)"
        reason = f"{type(error).__name__}: {one_line(error)}".rstrip(": .")
        raise ModelError(f"Cannot read {path} as a checkpoint of torch >= 1.6: {reason}. {advice}.") from error


class _Checkpoint(pickle.Unpickler):
    """Unpickles a checkpoint that contains only dictionaries and torch tensors. Other classes in the file are rejected."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.folder = _folder(archive)
        self.storages: dict[str, np.ndarray] = {}
        super().__init__(io.BytesIO(_content(archive, f"{self.folder}/data.pkl")))

    def find_class(self, module: str, name: str) -> Any:
        """Returns a replacement for an allowed class or function of the pickle, and rejects any other name."""
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if module == "torch" and name in STORAGES:
            return STORAGES[name]  # the name of a dtype, a string, which the pickle cannot call
        if (module, name) not in known:
            raise ModelError(f"Expected a state_dict of tensors, as returned by model.state_dict(), got one that contains {module}.{name}")
        return known[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """Returns the storage of a tensor as a one-dimensional array."""
        kind, dtype, key, _, size = pid
        if kind != "storage" or dtype not in STORAGES.values():
            raise ModelError(f"Expected a reference to a tensor storage, got {str(pid)[:80]}")
        if key not in self.storages:
            name, element = f"{self.folder}/data/{key}", np.dtype(dtype)
            content = _content(self.archive, name)
            if len(content) != size * element.itemsize:
                raise ModelError(
                    f"Expected {size * element.itemsize} bytes ({size} {element.name} values) in {name}, got {len(content)} bytes"
                )
            self.storages[key] = np.frombuffer(content, element)
        return self.storages[key]


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    # Compressed files are rejected, because torch does not write them, and because a small compressed file could fill the memory.
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ModelError(f"Expected a torch checkpoint without compression, got the compressed part {name}")
    return archive.read(name)


def _folder(archive: zipfile.ZipFile) -> str:
    """Returns the folder in the archive that contains the checkpoint.

    Checks that there is one such folder and that the byte order is little-endian.
    """
    folders = [path.parent for path in map(PurePosixPath, archive.namelist()) if path.name == "data.pkl" and len(path.parts) == 2]
    if len(folders) != 1:
        raise ModelError(f"Expected a torch checkpoint with one data.pkl, got a zip file in which {len(folders)} folders have a data.pkl")
    folder = str(folders[0])
    if f"{folder}/byteorder" in archive.namelist() and (order := _content(archive, f"{folder}/byteorder")) != b"little":
        raise ModelError(f"Expected little-endian numbers, got {order.decode(errors='replace')[:20]!r}")
    return folder


def _tensor(storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> np.ndarray:
    """Replaces torch._utils._rebuild_tensor_v2.

    Returns a tensor with a copy of its values in the storage. The offset and the strides are given in elements.
    """
    size: int = math.prod(shape)
    last = offset + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    # The size is checked, because a stride of 0 could make a view of a small storage larger than memory.
    if min((offset, *shape, *strides)) < 0 or size > len(storage) or (size and last >= len(storage)):
        came = f"shape {shape} with strides {strides} at offset {offset}"
        raise ModelError(f"Expected a tensor within its storage of {len(storage)} values, got {came}")
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [stride * storage.itemsize for stride in strides])
    return view.copy()


def _tensors(content: Any) -> dict[str, np.ndarray]:
    """Returns the state_dict in an unpickled checkpoint."""
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"Expected a state_dict of tensors, got {'an empty one' if content == {} else type(content).__name__}")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, np.ndarray):
            raise ModelError(f"Expected only tensors in the state_dict, got {type(value).__name__} for the key {key!r}")
    return dict(content)
