"""Tensors of the Open Inference Protocol: what a model takes and answers, and their bytes on the wire.

HTTP's binary extension and gRPC write them alike: row by row, little-endian, each string behind its length. Knows nothing about either.
"""

import math
import struct
from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ProtocolError
from ..settings import Settings

__all__ = [
    "BYTES",
    "NUMPY_TYPES",
    "Tensor",
    "TensorSpec",
    "check_one_input",
    "check_output",
    "decode_tensor",
    "find_spec",
    "raw_tensor",
    "refuse_unsupported",
]

BYTES = "BYTES"
"""The datatype of strings."""

NUMPY_TYPES: dict[str, np.dtype[np.generic]] = {"UINT8": np.dtype("u1"), "FP32": np.dtype("<f4")}
"""The protocol's names of the number types that models here take and answer."""

UNSUPPORTED = {"shared_memory_region": "shared memory", "classification": "classification"}
PREFIX = struct.Struct("<I")

Tensor = np.ndarray | list[bytes]
"""An input: letters uint8 (batch, length), or strings."""


class TensorSpec(NamedTuple):
    """A tensor that a model takes or answers.

    Args:
        name: Its name.
        datatype: The protocol's name of its type, `BYTES` or one of `NUMPY_TYPES`.
        shape: Its dimensions; -1 where it is open.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of this shape is one."""
        return len(shape) == len(self.shape) and all(wanted in {-1, size} for wanted, size in zip(self.shape, shape, strict=True))

    def __str__(self) -> str:
        return f"{self.datatype} [{', '.join('batch' if size == -1 else str(size) for size in self.shape)}]"


def find_spec(name: str, datatype: str, shape: Sequence[int], alternatives: Sequence[TensorSpec], settings: Settings) -> TensorSpec:
    """The input of a model that a tensor is.

    Args:
        name: What the request calls it.
        datatype: The type that it has there.
        shape: Its dimensions.
        alternatives: What the model takes; the same name may stand there with several shapes.
        settings: Bound its rows.

    Raises:
        ProtocolError: It is none of them, has no rows or too many.
    """
    named = [spec for spec in alternatives if spec.name == name]
    if not named:
        raise ProtocolError(f"Expected input {_one_of(dict.fromkeys(spec.name for spec in alternatives))}, got {name!r}.")
    for spec in named:
        if spec.datatype == datatype and spec.fits(shape):
            if not 1 <= shape[0] <= settings.rows:
                raise ProtocolError(f"Expected 1 to {settings.rows} rows in input {name!r}, got {shape[0]}.")
            return spec
    raise ProtocolError(f"Expected input {name!r} as {' or '.join(map(str, named))}, got {datatype} {list(shape)}.")


def check_one_input(names: Sequence[str], alternatives: Sequence[TensorSpec]) -> None:
    """Refuses requests that hold none of a model's inputs, or more than one, which would contradict each other.

    Raises:
        ProtocolError: It does.
    """
    if len(names) != 1:
        wanted = _one_of(dict.fromkeys(spec.name for spec in alternatives))
        raise ProtocolError(f"Expected one input, {wanted}, got {' and '.join(map(repr, names)) or 'none'}.")


def check_output(name: str, outputs: Sequence[TensorSpec]) -> None:
    """Refuses what a model does not answer.

    Raises:
        ProtocolError: It is that.
    """
    if all(spec.name != name for spec in outputs):
        raise ProtocolError(f"Expected output {_one_of(dict.fromkeys(spec.name for spec in outputs))}, got {name!r}.")


def refuse_unsupported(parameters: Container[str], place: str) -> None:
    """Refuses what Triton can do with a tensor and this server cannot.

    Args:
        parameters: Names of the tensor's parameters.
        place: What the tensor is called in messages.

    Raises:
        ProtocolError: One of them asks for that.
    """
    for name, meaning in UNSUPPORTED.items():
        if name in parameters:
            raise ProtocolError(f"Expected {place} without {name!r}, got it: {meaning} is not supported.")


def decode_tensor(name: str, datatype: str, shape: Sequence[int], data: memoryview) -> Tensor:
    """A tensor out of its bytes.

    Args:
        name: What it is called, for messages.
        datatype: `BYTES` or one of `NUMPY_TYPES`.
        shape: Its dimensions.
        data: Its bytes, all of them.

    Returns:
        An array (shape) that is a view of `data`, or the strings, whatever their shape.

    Raises:
        ProtocolError: There are fewer or more bytes than that.
    """
    count = math.prod(shape)
    if datatype == BYTES:
        return _decode_strings(name, count, data)
    numpy_type = NUMPY_TYPES[datatype]
    if len(data) != count * numpy_type.itemsize:
        raise ProtocolError(f"Expected {count * numpy_type.itemsize} bytes of input {name!r} {list(shape)}, got {len(data)}.")
    return np.frombuffer(data, numpy_type).reshape(shape)


def raw_tensor(data: memoryview, alternatives: Sequence[TensorSpec]) -> tuple[str, Tensor]:
    """The one row that a request without any header is: the first input whose size the bytes have.

    A string's length stands in its first four bytes, and letters there are no such number: one form cannot be taken for the other.

    Returns:
        The input's name, and the tensor.

    Raises:
        ProtocolError: The bytes are none of the model's inputs.
    """
    for spec in alternatives:
        shape = (1, *spec.shape[1:])
        if spec.datatype == BYTES:
            fits = len(data) >= PREFIX.size and PREFIX.unpack_from(data)[0] == len(data) - PREFIX.size
        else:
            fits = len(data) == math.prod(shape) * NUMPY_TYPES[spec.datatype].itemsize
        if fits:
            return spec.name, decode_tensor(spec.name, spec.datatype, shape, data)
    wanted = " or ".join(f"{spec.name!r} as {spec}" for spec in alternatives)
    raise ProtocolError(f"Expected a raw request to hold one row of {wanted}, got {len(data)} bytes.")


def _decode_strings(name: str, count: int, data: memoryview) -> list[bytes]:
    content = data.tobytes()  # slices of bytes are made several times faster than slices of a view
    strings: list[bytes] = []
    start, end = 0, len(content)
    while start < end and len(strings) <= count:
        begin = start + PREFIX.size
        start = begin + PREFIX.unpack_from(content, start)[0] if begin <= end else end + 1
        if start > end:
            raise ProtocolError(f"Expected each string of input {name!r} whole behind its 4-byte length, got string {len(strings)} cut.")
        strings.append(content[begin:start])
    if len(strings) != count:
        raise ProtocolError(f"Expected {count} strings in input {name!r}, got {'more' if len(strings) > count else len(strings)}.")
    return strings


def _one_of(names: Sequence[str] | dict[str, None]) -> str:
    return " or ".join(map(repr, names))
