"""The Open Inference Protocol over gRPC: messages to requests, answers to messages; pure, as `v2.py` is for HTTP."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2 as messages

from ..errors import ProtocolError
from ..settings import Settings
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
)

__all__ = ["parameter_values", "read_message", "write_message"]

FIELDS = {BYTES: "bytes_contents", "UINT8": "uint_contents"}
"""Fields of a message that hold the elements of a tensor, by its datatype, unless they are raw bytes."""


def read_message(message: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], settings: Settings) -> InferRequest:
    """A request out of a `ModelInferRequest`.

    Args:
        message: The message.
        inputs: The model's inputs; a request holds one of them.
        outputs: The model's outputs; all are answered unless the request names some.
        settings: Bounds the rows.

    Returns:
        The request; an array is a view of the message's bytes where these are raw.

    Raises:
        ProtocolError: The message is malformed or not what the model takes.
    """
    check_one_input([tensor.name for tensor in message.inputs], inputs)
    (tensor,) = message.inputs
    check_input(tensor.name, tensor.datatype, tensor.shape, tensor.parameters, inputs, settings.rows)
    for output in message.outputs:
        check_output(output.name, output.parameters, outputs)
    names = dict.fromkeys(output.name for output in message.outputs or outputs)
    return InferRequest(
        message.id or None,
        tensor.name,
        _read_tensor(tensor, message.raw_input_contents),
        [(name, True) for name in names],
        check_parameters(parameter_values(message.parameters)),
    )


def write_message(model: str, version: str, request: InferRequest, outputs: dict[str, np.ndarray]) -> Any:
    """The `ModelInferResponse` that answers a request.

    Args:
        model: The model's name.
        version: Its version.
        request: The request.
        outputs: The model's outputs, float32, by name; only the requested ones are written.
    """
    message = messages.ModelInferResponse(model_name=model, model_version=version, id=request.id or "")
    for name, _ in request.outputs:
        values = np.ascontiguousarray(outputs[name], "<f4")
        message.outputs.add(name=name, datatype="FP32", shape=values.shape)
        message.raw_output_contents.append(values.tobytes())
    return message


def parameter_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a message's parameters.

    Raises:
        ProtocolError: One has none.
    """
    values = {}
    for name, parameter in parameters.items():
        kind = parameter.WhichOneof("parameter_choice")
        if kind is None:
            raise ProtocolError(f"Expected a value of parameter {name!r}, got none.")
        values[name] = getattr(parameter, kind)
    return values


def _read_tensor(tensor: Any, raw: Sequence[bytes]) -> Tensor:
    shape, name = tuple(tensor.shape), tensor.name
    if raw:
        if len(raw) != 1 or tensor.HasField("contents"):
            raise ProtocolError(f"Expected the elements of input {name!r} either raw or in its contents, got both, or {len(raw)} raw.")
        return decode_tensor(name, tensor.datatype, shape, memoryview(raw[0]))
    others = [field.name for field, _ in tensor.contents.ListFields() if field.name != FIELDS[tensor.datatype]]
    if others:
        raise ProtocolError(f"Expected the elements of input {name!r} in {FIELDS[tensor.datatype]}, got {others[0]}.")
    values = getattr(tensor.contents, FIELDS[tensor.datatype])
    if len(values) != math.prod(shape):
        raise ProtocolError(f"Expected {math.prod(shape)} elements of input {name!r} {list(shape)}, got {len(values)}.")
    if tensor.datatype == BYTES:
        return list(values)
    return decode_letters(values, shape, f"input {name!r}")
