"""Defines requests and tensors of the Open Inference Protocol for HTTP and gRPC, and decodes the binary format of tensors.

The binary extension of HTTP and gRPC use the same format: numbers are row-major and little-endian, and each string follows its length.
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
"""Datatype of strings."""

NUMPY_TYPES: dict[str, np.dtype[np.generic]] = {"UINT8": np.dtype("u1"), "FP32": np.dtype("<f4")}
"""NumPy types of the numeric datatypes that the server supports."""

UNSUPPORTED = {"shared_memory_region": "shared memory", "classification": "classification"}
PREFIX = struct.Struct("<I")

Tensor = np.ndarray | list[bytes]
"""Input tensor: windows uint8 (batch, length), or a flat list of sequences."""


class TensorSpec(NamedTuple):
    """Name, datatype and shape of an input or output of a model.

    Args:
        name: Name of the tensor.
        datatype: Datatype of the protocol, `BYTES` or one of `NUMPY_TYPES`.
        shape: Dimensions. -1 means any size.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of the given shape matches this specification."""
        return len(shape) == len(self.shape) and all(wanted in {-1, size} for wanted, size in zip(self.shape, shape, strict=True))

    def __str__(self) -> str:
        return f"{self.datatype} [{', '.join('batch' if size == -1 else str(size) for size in self.shape)}]"


class InferRequest(NamedTuple):
    """A decoded inference request.

    Args:
        id: Request id of the client, which the answer repeats. None if the request has no id.
        input_name: Name of the input.
        tensor: Input tensor: windows uint8 (batch, length), or sequences.
        outputs: Requested outputs in order. Each item is the name of an output, and whether to send the output as binary data.
        parameters: Further parameters, such as `timeout` in microseconds and `priority`.
    """

    id: str | None
    input_name: str
    tensor: Tensor
    outputs: list[tuple[str, bool]]
    parameters: dict[str, Any]


def check_one_input(names: Sequence[str], specs: Sequence[TensorSpec]) -> None:
    """Checks that a request has exactly one input.

    Args:
        names: Names of the inputs in the request.
        specs: Inputs of the model. An input that accepts several shapes has one item for each shape.

    Raises:
        ProtocolError: The request has no input or several inputs.
    """
    if len(names) != 1:
        raise ProtocolError(f"Expected one input, {_one_of(specs)}, got {' and '.join(map(repr, names)) or 'none'}.")


def check_input(
    name: str, datatype: str, shape: Sequence[int], parameters: Container[str], specs: Sequence[TensorSpec], most_rows: int
) -> None:
    """Checks that an input tensor matches an input of the model.

    Raises:
        ProtocolError: The name, datatype or shape is wrong, the number of rows is 0 or too large, or a parameter is unsupported.
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
    """Checks that a requested output is an output of the model.

    Raises:
        ProtocolError: The output is unknown, or a parameter is unsupported.
    """
    if all(spec.name != name for spec in specs):
        raise ProtocolError(f"Expected output {_one_of(specs)}, got {name!r}.")
    _refuse_unsupported(parameters, f"output {name!r}")


def check_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Checks the parameters of a request and returns them unchanged.

    Raises:
        ProtocolError: A value is not a string, a number or a boolean. `timeout` and `priority` must be non-negative integers.
    """
    for name, value in parameters.items():
        if not isinstance(value, str | int | float):
            raise ProtocolError(f"Expected parameter {name!r} to be a string, a number or a boolean, got {type(value).__name__}.")
        if name in {"timeout", "priority"} and (type(value) is not int or value < 0):
            raise ProtocolError(f"Expected parameter {name!r} to be a non-negative integer, got {value!r}.")
    return parameters


def decode_tensor(name: str, datatype: str, shape: Sequence[int], data: memoryview) -> Tensor:
    """Decodes a tensor from its bytes.

    Args:
        name: Name of the tensor, for error messages.
        datatype: `BYTES` or one of `NUMPY_TYPES`.
        shape: Dimensions of the tensor.
        data: All bytes of the tensor.

    Returns:
        For `BYTES`, a flat list of strings. For other datatypes, an array with the given shape, which is a view of `data`.

    Raises:
        ProtocolError: The number of bytes does not match the shape, or a string is truncated.
    """
    count = math.prod(shape)
    if datatype == BYTES:
        return _decode_strings(name, count, data)
    numpy_type = NUMPY_TYPES[datatype]
    if len(data) != count * numpy_type.itemsize:
        raise ProtocolError(f"Expected {count * numpy_type.itemsize} bytes of input {name!r} with shape {list(shape)}, got {len(data)}.")
    return np.frombuffer(data, numpy_type).reshape(shape)


def decode_letters(values: Iterable[int], shape: Sequence[int], label: str) -> np.ndarray:
    """Converts integers to a uint8 array of the given shape. `label` names the tensor in error messages.

    Raises:
        ProtocolError: A number is not between 0 and 255.
    """
    try:
        return np.frombuffer(bytes(values), np.uint8).reshape(shape)
    except ValueError:
        raise ProtocolError(f"Expected only numbers from 0 to 255 in {label}.") from None


def raw_tensor(data: memoryview, specs: Sequence[TensorSpec]) -> tuple[str, Tensor]:
    """Decodes the single row of a raw request as the first input whose size matches the number of bytes.

    A string begins with its length in four bytes. The first four letters of a window, read as a length, mean more than a billion bytes, so
    that a window is never mistaken for a string.

    Returns:
        Name of the input, and the tensor.

    Raises:
        ProtocolError: The number of bytes matches no input of the model.
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
    raise ProtocolError(f"Expected a raw request with one row of {wanted}, got {len(data)} bytes.")


def _decode_strings(name: str, count: int, data: memoryview) -> list[bytes]:
    content = data.tobytes()  # slicing bytes is several times faster than slicing a memoryview
    strings: list[bytes] = []
    start, end = 0, len(content)
    while start < end and len(strings) <= count:
        begin = start + PREFIX.size
        start = begin + PREFIX.unpack_from(content, start)[0] if begin <= end else end + 1
        if start > end:
            raise ProtocolError(
                f"String {len(strings)} of input {name!r} is truncated: expected its length in 4 bytes, followed by that number of bytes."
            )
        strings.append(content[begin:start])
    if len(strings) != count:
        raise ProtocolError(f"Expected {count} strings in input {name!r}, got {'more' if len(strings) > count else len(strings)}.")
    return strings


def _refuse_unsupported(parameters: Container[str], label: str) -> None:
    for name, meaning in UNSUPPORTED.items():
        if name in parameters:
            raise ProtocolError(f"Cannot use {name!r} with {label}: {meaning} is not supported.")


def _one_of(specs: Sequence[TensorSpec]) -> str:
    return " or ".join(map(repr, dict.fromkeys(spec.name for spec in specs)))
