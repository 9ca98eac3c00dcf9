"""Tensors by name from a checkpoint that torch saved, without torch. Nothing that a file names is imported, let alone called.

Knows nothing about networks; see `torch_weights`.
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

from dreamkeras.errors import ModelError

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
"""torch's kinds of storage, and what their bytes are."""

WRAPPERS = ("model_state_dict", "state_dict")
"""Keys under which a trainer's checkpoint holds the network's state_dict."""


def read_state_dict(path: str) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint.

    Args:
        path: What `torch.save(model.state_dict(), path)` wrote with torch 1.6 or later; or a dictionary that holds the
            state_dict under one of `WRAPPERS`.

    Returns:
        Arrays by name, in the file's order, in torch's layout and the file's precision.

    Raises:
        ModelError: The file cannot be read, is damaged, or holds anything but tensors; the message names it.

    Example:
        `read_state_dict("model_best.pth")["final.mapper.0.bias"].shape`
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _tensors(_Checkpoint(archive).load())
    except ModelError as error:
        raise ModelError(f"{error} ({path}).") from None
    except OSError as error:
        raise ModelError(f"Expected a torch checkpoint, got {path}: {error.strerror or error}.") from None
    except Exception as error:  # pickle and zipfile raise all kinds over a damaged file
        advice = "if torch reads it, save it again with torch >= 1.6: torch.save(torch.load(FILE, weights_only=True), FILE)"
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}".rstrip(": .")
        raise ModelError(f"Expected a whole checkpoint of torch >= 1.6, got {path}, {reason}; {advice}.") from error


class _Checkpoint(pickle.Unpickler):
    """The pickle of a checkpoint, which may name a dictionary and torch's tensors and nothing else."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.folder = _folder(archive)
        self.storages: dict[str, np.ndarray] = {}
        super().__init__(io.BytesIO(_content(archive, f"{self.folder}/data.pkl")))

    def find_class(self, module: str, name: str) -> Any:
        """Our own stand-in for a name of the pickle; whatever has none is refused."""
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if module == "torch" and name in STORAGES:
            return STORAGES[name]  # a text: nothing that a pickle could call
        if (module, name) not in known:
            raise ModelError(f"Expected a state_dict of tensors, as model.state_dict() gives it, got one that asks for {module}.{name}")
        return known[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """The storage that a tensor refers to, as an array of one dimension."""
        kind, dtype, key, _, size = pid
        if kind != "storage" or dtype not in STORAGES.values():
            raise ModelError(f"Expected a storage of tensors, got {str(pid)[:80]}")
        if key not in self.storages:
            name, element = f"{self.folder}/data/{key}", np.dtype(dtype)
            content = _content(self.archive, name)
            if len(content) != size * element.itemsize:
                raise ModelError(f"Expected {size} numbers of {element.name} in {name}, got {len(content)} bytes")
            self.storages[key] = np.frombuffer(content, element)
        return self.storages[key]


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    # Compressed, a small file could ask for all the memory there is; torch compresses nothing.
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ModelError(f"Expected a torch checkpoint, whose parts are not compressed, got {name}, which is")
    return archive.read(name)


def _folder(archive: zipfile.ZipFile) -> str:
    """The one folder that a checkpoint's parts stand in, known to be of this byte order."""
    folders = [path.parent for path in map(PurePosixPath, archive.namelist()) if path.name == "data.pkl" and len(path.parts) == 2]
    if len(folders) != 1:
        raise ModelError(f"Expected a torch checkpoint, got a zip file with {len(folders)} folders that hold data.pkl")
    folder = str(folders[0])
    if f"{folder}/byteorder" in archive.namelist() and (order := _content(archive, f"{folder}/byteorder")) != b"little":
        raise ModelError(f"Expected little-endian numbers, got {order.decode(errors='replace')[:20]!r}")
    return folder


def _tensor(storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> np.ndarray:
    """In place of torch._utils._rebuild_tensor_v2: a copy of a view of a storage; offset and strides count elements."""
    size: int = math.prod(shape)
    last = offset + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    # With a stride of 0, a view of few numbers can be larger than memory.
    if min((offset, *shape, *strides)) < 0 or size > len(storage) or (size and last >= len(storage)):
        came = f"shape {shape} with strides {strides} at {offset}"
        raise ModelError(f"Expected a tensor within its storage of {len(storage)} numbers, got {came}")
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [stride * storage.itemsize for stride in strides])
    return view.copy()


def _tensors(content: Any) -> dict[str, np.ndarray]:
    """The state_dict in what was unpickled."""
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"Expected a state_dict of tensors, got {'an empty one' if content == {} else type(content).__name__}")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, np.ndarray):
            raise ModelError(f"Expected a tensor under each name of a state_dict, got {type(value).__name__} under {key!r}")
    return dict(content)
