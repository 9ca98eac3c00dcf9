"""Requests of the Open Inference Protocol as HTTP and gRPC share them: the tensors of a model, and their bytes on the wire.

HTTP's binary extension and gRPC write tensors alike: row by row, little-endian, each string behind its length.
"""

import math
import struct
from collections.abc import Container, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ProtocolError

__all__ = [
    "BYTES",
    "InferRequest",
    "Tensor",
    "TensorSpec",
    "check_input",
    "check_one_input",
    "check_output",
    "check_parameters",
    "decode_letters",
    "decode_tensor",
    "raw_tensor",
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


class InferRequest(NamedTuple):
    """A request for inference.

    Args:
        id: The client's name for it, which the answer repeats; None without.
        input_name: The input that it holds.
        tensor: The input: uint8 (batch, length), or the strings.
        outputs: Names of the tensors to answer, in this order, and whether each goes as binary data.
        parameters: Further parameters, e.g. `timeout` in microseconds, `priority`.
    """

    id: str | None
    input_name: str
    tensor: Tensor
    outputs: list[tuple[str, bool]]
    parameters: dict[str, Any]


def check_one_input(names: Sequence[str], specs: Sequence[TensorSpec]) -> None:
    """Refuses requests without an input, and those with several, which would contradict each other.

    Args:
        names: The inputs of the request.
        specs: The inputs of the model; the same name may occur with several shapes.

    Raises:
        ProtocolError: There is not one.
    """
    if len(names) != 1:
        raise ProtocolError(f"Expected one input, {_one_of(specs)}, got {' and '.join(map(repr, names)) or 'none'}.")


def check_input(
    name: str, datatype: str, shape: Sequence[int], parameters: Container[str], specs: Sequence[TensorSpec], most_rows: int
) -> None:
    """Refuses a tensor that is none of a model's inputs, has no rows or too many, or needs what only Triton supports.

    Raises:
        ProtocolError: The tensor is refused.
    """
    named = [spec for spec in specs if spec.name == name]
    if not named:
        raise ProtocolError(f"Expected input {_one_of(specs)}, got {name!r}.")
    if not any(spec.datatype == datatype and spec.fits(shape) for spec in named):
        raise ProtocolError(f"Expected input {name!r} as {' or '.join(map(str, named))}, got {datatype} {list(shape)}.")
    if not 1 <= shape[0] <= most_rows:
        raise ProtocolError(f"Expected 1 to {most_rows} rows in input {name!r}, got {shape[0]}.")
    _refuse_unsupported(parameters, f"input {name!r}")


def check_output(name: str, parameters: Container[str], specs: Sequence[TensorSpec]) -> None:
    """Refuses an output that a model does not have, or that needs what only Triton supports.

    Raises:
        ProtocolError: The output is refused.
    """
    if all(spec.name != name for spec in specs):
        raise ProtocolError(f"Expected output {_one_of(specs)}, got {name!r}.")
    _refuse_unsupported(parameters, f"output {name!r}")


def check_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a request, which are texts, numbers and truth values.

    Raises:
        ProtocolError: One is something else, or `timeout` or `priority` is no whole number from 0 on.
    """
    for name, value in parameters.items():
        if not isinstance(value, str | int | float):
            raise ProtocolError(f"Expected parameter {name!r} to be a text, a number or a truth value, got {type(value).__name__}.")
        if name in {"timeout", "priority"} and (type(value) is not int or value < 0):
            raise ProtocolError(f"Expected parameter {name!r} to be a whole number from 0 on, got {value!r}.")
    return parameters


def decode_tensor(name: str, datatype: str, shape: Sequence[int], data: memoryview) -> Tensor:
    """A tensor out of its bytes.

    Args:
        name: Its name, for messages.
        datatype: `BYTES` or one of `NUMPY_TYPES`.
        shape: Its dimensions.
        data: Its bytes, all of them.

    Returns:
        An array (shape) that is a view of `data`, or a flat list of strings.

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


def decode_letters(values: Iterable[int], shape: Sequence[int], label: str) -> np.ndarray:
    """An array uint8 (shape) out of as many whole numbers; `label` names the tensor in messages.

    Raises:
        ProtocolError: One is not from 0 to 255.
    """
    try:
        return np.frombuffer(bytes(values), np.uint8).reshape(shape)
    except ValueError:
        raise ProtocolError(f"Expected numbers from 0 to 255 in {label}, got others.") from None


def raw_tensor(data: memoryview, specs: Sequence[TensorSpec]) -> tuple[str, Tensor]:
    """The one row of a raw request: the first input whose size the bytes have.

    A string begins with four bytes of its length, and letters are no such number, so that one form cannot be mistaken for the other.

    Returns:
        The input's name, and the tensor.

    Raises:
        ProtocolError: The bytes are none of the model's inputs.
    """
    for spec in specs:
        shape = (1, *spec.shape[1:])
        if spec.datatype == BYTES:
            fits = len(data) >= PREFIX.size and PREFIX.unpack_from(data)[0] == len(data) - PREFIX.size
        else:
            fits = len(data) == math.prod(shape) * NUMPY_TYPES[spec.datatype].itemsize
        if fits:
            return spec.name, decode_tensor(spec.name, spec.datatype, shape, data)
    wanted = " or ".join(f"{spec.name!r} as {spec}" for spec in specs)
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


def _refuse_unsupported(parameters: Container[str], label: str) -> None:
    for name, meaning in UNSUPPORTED.items():
        if name in parameters:
            raise ProtocolError(f"Expected {label} without {name!r}, got it: {meaning} is not supported.")


def _one_of(specs: Sequence[TensorSpec]) -> str:
    return " or ".join(map(repr, dict.fromkeys(spec.name for spec in specs)))
