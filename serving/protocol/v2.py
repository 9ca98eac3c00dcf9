"""Open Inference Protocol over HTTP: decodes bodies into requests and encodes answers, as JSON or with Triton's binary tensors.

The module contains only pure functions.
"""

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ProtocolError
from ..settings import Settings
from .json_text import Fields, member, members, objects, read_json
from .tensors import (
    BYTES,
    InferRequest,
    Tensor,
    TensorSpec,
    check_input,
    check_one_input,
    check_output,
    check_parameters,
    decode_letters,
    decode_tensor,
    raw_tensor,
)

__all__ = ["decode_json", "read_request", "write_response"]

ENCODER = json.JSONEncoder(separators=(",", ":"))
"""JSON encoder without spaces. `json.dumps` with `separators` would create an encoder for each call."""


def read_request(
    body: bytes, header_length: int | None, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], settings: Settings
) -> InferRequest:
    """Decodes the body of a POST to `infer`.

    Args:
        body: Complete body, decompressed.
        header_length: Value of `Inference-Header-Content-Length`: number of bytes of JSON before the binary data. If None, the body
            is JSON only. If 0, the request is raw: the body consists of the bytes of one row, and all outputs are returned as binary data.
        inputs: Inputs of the model. A request contains exactly one input.
        outputs: Outputs of the model. If the request names no outputs, all outputs are returned.
        settings: Limits on the number of rows, and on the length and nesting of JSON.

    Returns:
        The decoded request. The arrays of the request are views of `body`, except for tensors in JSON.

    Raises:
        ProtocolError: The body is malformed or too large, or does not fit the model.
    """
    data = memoryview(body)
    if header_length == 0:
        return InferRequest(None, *raw_tensor(data, inputs), [(spec.name, True) for spec in outputs], {})
    if header_length is not None and not 0 < header_length <= len(body):
        raise ProtocolError(f"Expected Inference-Header-Content-Length of at most {len(body)}, the size of the body, got {header_length}.")
    fields = read_json(body[:header_length], settings)
    identifier, parameters = members(fields, {"id": (str, None), "parameters": (dict, {})}, "the request")
    name, tensor = _read_input(fields, None if header_length is None else data[header_length:], inputs, settings.rows)
    asked = _read_outputs(fields, outputs, member(parameters, "binary_data_output", bool, False, "the request"))
    return InferRequest(identifier, name, tensor, asked, check_parameters(parameters))


def write_response(model: str, version: str, request: InferRequest, outputs: dict[str, np.ndarray]) -> tuple[bytes, int | None]:
    """Encodes the answer to a request.

    Args:
        model: Name of the model.
        version: Version of the model.
        request: The decoded request.
        outputs: Outputs of the model by name, float32. Only the requested outputs are written.

    Returns:
        The body, and the length of its JSON part if binary data follow. The length is None if the body is JSON only.
    """
    tensors, chunks = [], []
    for name, binary in request.outputs:
        values = np.ascontiguousarray(outputs[name], "<f4")
        tensor: Fields = {"name": name, "datatype": "FP32", "shape": list(values.shape)}
        if binary:
            tensor["parameters"] = {"binary_data_size": values.nbytes}
            chunks.append(values.tobytes())
        else:  # JSON has no NaN and infinities: null is written instead, which NumPy reads as NaN
            tensor["data"] = [value if math.isfinite(value) else None for value in values.ravel().tolist()]
        tensors.append(tensor)
    named = {} if request.id is None else {"id": request.id}
    header = ENCODER.encode({**named, "model_name": model, "model_version": version, "outputs": tensors}).encode()
    return b"".join([header, *chunks]), len(header) if chunks else None


INPUT = {"datatype": (str, ...), "shape": (list, ...), "parameters": (dict, {})}


def _read_input(fields: Fields, data: memoryview | None, specs: Sequence[TensorSpec], most_rows: int) -> tuple[str, Tensor]:
    """Returns the name and the tensor of the single input. The elements of the tensor are in the JSON or in `data`."""
    tensors = objects(fields, "inputs", ..., "the request")
    names = [member(tensor, "name", str, ..., "an input") for tensor in tensors]
    check_one_input(names, specs)
    (tensor,), (name,) = tensors, names
    label = f"input {name!r}"
    datatype, shape, parameters = members(tensor, INPUT, label)
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ProtocolError(f"Expected 'shape' of {label} to contain non-negative integers, got {json.dumps(shape)[:80]}.")
    check_input(name, datatype, shape, parameters, specs, most_rows)
    size = member(parameters, "binary_data_size", int, None, label)
    if (size is None) == ("data" not in tensor):
        raise ProtocolError(f"Expected either 'data' or 'binary_data_size' in {label}, got {'neither' if size is None else 'both'}.")
    if size is None:
        if data:
            raise ProtocolError(f"Expected no binary data in addition to 'data' of {label}, got {len(data)} bytes.")
        return name, decode_json(datatype, shape, member(tensor, "data", list, ..., label), f"'data' of {label}")
    if data is None:
        raise ProtocolError(f"Header Inference-Header-Content-Length is missing: {label} has 'binary_data_size'.")
    if size != len(data):
        raise ProtocolError(f"Expected {size} bytes after the JSON, as 'binary_data_size' of {label} says, got {len(data)}.")
    return name, decode_tensor(name, datatype, shape, data)


def decode_json(datatype: str, shape: Sequence[int], data: list[Any], label: str) -> Tensor:
    """Decodes a tensor from JSON. The elements are in a flat list, or in lists nested as in the shape. `label` is used in error messages.

    Raises:
        ProtocolError: An element has the wrong type, or the number of elements does not match the shape.
    """
    values = data
    for _ in shape[1:]:
        if values and all(type(value) is list for value in values):
            values = list(itertools.chain.from_iterable(values))
    kind, kind_name = (str, "strings") if datatype == BYTES else (int, "integers")
    if not all(type(value) is kind for value in values):
        wrong = next(type(value).__name__ for value in values if type(value) is not kind)
        raise ProtocolError(f"Expected {kind_name} in {label}, got {wrong}.")
    if len(values) != math.prod(shape):
        raise ProtocolError(f"Expected {math.prod(shape)} elements in {label} with shape {list(shape)}, got {len(values)}.")
    if datatype == BYTES:
        return [value.encode("utf-8", "replace") for value in values]
    return decode_letters(values, shape, label)


def _read_outputs(fields: Fields, specs: Sequence[TensorSpec], binary: bool) -> list[tuple[str, bool]]:
    """Returns the requested outputs without duplicates, and whether to send each output as binary data. `binary` is the default."""
    asked = {}
    for tensor in objects(fields, "outputs", [], "the request"):
        name = member(tensor, "name", str, ..., "an output")
        parameters = member(tensor, "parameters", dict, {}, f"output {name!r}")
        check_output(name, parameters, specs)
        asked[name] = member(parameters, "binary_data", bool, binary, f"output {name!r}")
    return list(asked.items()) or [(spec.name, binary) for spec in specs]
