"""The Open Inference Protocol over HTTP: bodies to requests, answers to bodies, in JSON or with Triton's binary tensors.

Pure: bytes in, bytes out. Knows nothing about HTTP itself, queues or models.
"""

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ProtocolError
from ..settings import Settings
from .json_text import Fields, member, objects, read_json
from .tensors import (
    BYTES,
    Tensor,
    TensorSpec,
    check_one_input,
    check_output,
    decode_tensor,
    find_spec,
    raw_tensor,
    refuse_unsupported,
)

__all__ = ["InferRequest", "check_parameters", "read_request", "write_response"]

ENCODER = json.JSONEncoder(separators=(",", ":"))
"""Writes JSON without spaces; `json.dumps` with an argument would make one for each text."""


class InferRequest(NamedTuple):
    """What a client asks of a model.

    Args:
        id: The client's name for it, which the answer repeats; None without.
        inputs: By its name the one input: uint8 (batch, length), or the strings.
        outputs: Names of the tensors to answer, in this order, and whether each goes as binary data.
        parameters: What else the client said, e.g. `timeout` in microseconds, `priority`.
    """

    id: str | None
    inputs: dict[str, Tensor]
    outputs: list[tuple[str, bool]]
    parameters: Fields


def read_request(
    body: bytes, header_length: int | None, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], settings: Settings
) -> InferRequest:
    """A request out of the body of a POST to `infer`.

    Args:
        body: All of it, decompressed.
        header_length: `Inference-Header-Content-Length`: bytes of JSON before the binary data; None where all is JSON, 0 for a raw
            request, which is nothing but the bytes of one row and gets all outputs as binary data.
        inputs: What the model takes, of which a request has to hold one.
        outputs: What it answers; all of it unless the request names some.
        settings: Bounds on rows, and on the JSON's length and nesting.

    Returns:
        The request; arrays are views of `body`.

    Raises:
        ProtocolError: The body is malformed, too large, or not what the model takes.
    """
    data = memoryview(body)
    if header_length == 0:
        name, tensor = raw_tensor(data, inputs)
        return InferRequest(None, {name: tensor}, [(spec.name, True) for spec in outputs], {})
    if header_length is not None and not 0 < header_length <= len(body):
        raise ProtocolError(f"Expected a header of at most the body's {len(body)} bytes, got {header_length}.")
    fields = read_json(body[:header_length], settings)
    return InferRequest(
        member(fields, "id", str, None, "the request"),
        _read_inputs(fields, None if header_length is None else data[header_length:], inputs, settings),
        _read_outputs(fields, outputs),
        check_parameters(member(fields, "parameters", dict, {}, "the request")),
    )


def write_response(model: str, version: str, request: InferRequest, outputs: dict[str, np.ndarray]) -> tuple[bytes, int | None]:
    """The body that answers a request.

    Args:
        model: The model's name.
        version: Its version.
        request: What was asked.
        outputs: The answers, float32, by name; those that were not asked for are left out.

    Returns:
        The body, and the length of its JSON where binary data follow it, else None.
    """
    tensors, chunks = [], []
    for name, binary in request.outputs:
        values = np.ascontiguousarray(outputs[name], "<f4")
        tensor: Fields = {"name": name, "datatype": "FP32", "shape": list(values.shape)}
        if binary:
            tensor["parameters"] = {"binary_data_size": values.nbytes}
            chunks.append(values.tobytes())
        else:
            tensor["data"] = _json_numbers(values)
        tensors.append(tensor)
    named = {} if request.id is None else {"id": request.id}
    header = ENCODER.encode({**named, "model_name": model, "model_version": version, "outputs": tensors}).encode()
    return b"".join([header, *chunks]), len(header) if chunks else None


def check_parameters(parameters: Fields) -> Fields:
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


def _read_inputs(fields: Fields, data: memoryview | None, alternatives: Sequence[TensorSpec], settings: Settings) -> dict[str, Tensor]:
    tensors = objects(fields, "inputs", ..., "the request")
    names = [member(tensor, "name", str, ..., "an input") for tensor in tensors]
    check_one_input(names, alternatives)
    (tensor,), (name,) = tensors, names
    place = f"input {name!r}"
    datatype = member(tensor, "datatype", str, ..., place)
    shape = member(tensor, "shape", list, ..., place)
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ProtocolError(f"Expected 'shape' of {place} to hold whole numbers from 0 on, got {json.dumps(shape)[:80]}.")
    find_spec(name, datatype, shape, alternatives, settings)
    parameters = member(tensor, "parameters", dict, {}, place)
    refuse_unsupported(parameters, place)
    size = member(parameters, "binary_data_size", int, None, place)
    if (size is None) == ("data" not in tensor):
        raise ProtocolError(f"Expected either 'data' or 'binary_data_size' in {place}, got {'neither' if size is None else 'both'}.")
    if size is not None:
        return {name: decode_tensor(name, datatype, shape, _binary(data, size, place))}
    if data:
        raise ProtocolError(f"Expected no binary data beside 'data' of {place}, got {len(data)} bytes.")
    return {name: _decode_json(name, datatype, shape, member(tensor, "data", list, ..., place))}


def _binary(data: memoryview | None, size: int, place: str) -> memoryview:
    if data is None:
        raise ProtocolError(f"Expected the header Inference-Header-Content-Length beside 'binary_data_size' of {place}, got none.")
    if size != len(data):
        raise ProtocolError(f"Expected the {size} bytes of 'binary_data_size' of {place} behind the JSON, got {len(data)}.")
    return data


def _decode_json(name: str, datatype: str, shape: Sequence[int], data: list[Any]) -> Tensor:
    """A tensor out of JSON, flat or nested as its shape is."""
    values = data
    for _ in shape[1:]:
        if values and all(type(value) is list for value in values):
            values = list(itertools.chain.from_iterable(values))
    kind, kind_name = (str, "strings") if datatype == BYTES else (int, "whole numbers")
    if not all(type(value) is kind for value in values):
        wrong = next(type(value).__name__ for value in values if type(value) is not kind)
        raise ProtocolError(f"Expected {kind_name} in 'data' of input {name!r}, got {wrong}.")
    if len(values) != math.prod(shape):
        raise ProtocolError(f"Expected {math.prod(shape)} elements in 'data' of input {name!r} {list(shape)}, got {len(values)}.")
    if datatype == BYTES:
        return [value.encode("utf-8", "replace") for value in values]
    try:
        return np.frombuffer(bytes(values), np.uint8).reshape(shape)
    except ValueError:
        raise ProtocolError(f"Expected numbers from 0 to 255 in 'data' of input {name!r}, got others.") from None


def _read_outputs(fields: Fields, outputs: Sequence[TensorSpec]) -> list[tuple[str, bool]]:
    """Which tensors are asked for, each once, and whether as binary data."""
    parameters = member(fields, "parameters", dict, {}, "the request")
    binary = member(parameters, "binary_data_output", bool, False, "the request")
    asked = {}
    for tensor in objects(fields, "outputs", [], "the request") or [{"name": spec.name} for spec in outputs]:
        name = member(tensor, "name", str, ..., "an output")
        check_output(name, outputs)
        own = member(tensor, "parameters", dict, {}, f"output {name!r}")
        refuse_unsupported(own, f"output {name!r}")
        asked[name] = member(own, "binary_data", bool, binary, f"output {name!r}")
    return list(asked.items())


def _json_numbers(values: np.ndarray) -> list[float | None]:
    """Numbers row by row; those that JSON does not know are null, which NumPy reads as NaN."""
    return [value if math.isfinite(value) else None for value in values.ravel().tolist()]
