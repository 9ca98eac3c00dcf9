"""Open Inference Protocol over gRPC: decodes messages into requests and encodes answers as messages, as `v2.py` does for HTTP."""

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
"""For each datatype, the message field that contains the elements of a tensor. Tensors in raw bytes do not use these fields."""


def read_message(message: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], settings: Settings) -> InferRequest:
    """Decodes a `ModelInferRequest`.

    Args:
        message: The message.
        inputs: Inputs of the model. A request contains exactly one input.
        outputs: Outputs of the model. If the request names no outputs, all outputs are returned.
        settings: Settings with the maximum number of rows.

    Returns:
        The decoded request. The array of a raw tensor is a view of the message's bytes.

    Raises:
        ProtocolError: The message is malformed or does not fit the model.
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
    """Returns the `ModelInferResponse` to a request.

    Args:
        model: Name of the model.
        version: Version of the model.
        request: The decoded request.
        outputs: Outputs of the model by name, float32. Only the requested outputs are written.
    """
    message = messages.ModelInferResponse(model_name=model, model_version=version, id=request.id or "")
    for name, _ in request.outputs:
        values = np.ascontiguousarray(outputs[name], "<f4")
        message.outputs.add(name=name, datatype="FP32", shape=values.shape)
        message.raw_output_contents.append(values.tobytes())
    return message


def parameter_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a message's parameters by name.

    Raises:
        ProtocolError: A parameter has no value.
    """
    values = {}
    for name, parameter in parameters.items():
        kind = parameter.WhichOneof("parameter_choice")
        if kind is None:
            raise ProtocolError(f"Parameter {name!r} has no value.")
        values[name] = getattr(parameter, kind)
    return values


def _read_tensor(tensor: Any, raw: Sequence[bytes]) -> Tensor:
    shape, name = tuple(tensor.shape), tensor.name
    if raw:
        if len(raw) != 1 or tensor.HasField("contents"):
            got = "both" if tensor.HasField("contents") else f"{len(raw)} raw tensors"
            raise ProtocolError(f"Expected input {name!r} either as one raw tensor or in the field 'contents', got {got}.")
        return decode_tensor(name, tensor.datatype, shape, memoryview(raw[0]))
    others = [field.name for field, _ in tensor.contents.ListFields() if field.name != FIELDS[tensor.datatype]]
    if others:
        raise ProtocolError(f"Expected the elements of input {name!r} in {FIELDS[tensor.datatype]}, got {others[0]}.")
    values = getattr(tensor.contents, FIELDS[tensor.datatype])
    if len(values) != math.prod(shape):
        raise ProtocolError(f"Expected {math.prod(shape)} elements of input {name!r} with shape {list(shape)}, got {len(values)}.")
    if tensor.datatype == BYTES:
        return list(values)
    return decode_letters(values, shape, f"input {name!r}")
