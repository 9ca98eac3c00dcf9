"""Implements the gRPC calls of the Open Inference Protocol with Triton's extensions.

Each call maps a request message to a response message. Tokens, limits and error codes are in `service.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from google.protobuf.json_format import ParseDict
from tritonclient.grpc import service_pb2 as messages

from ..errors import ProtocolError
from ..metadata import model_config, model_metadata, model_statistics, server_metadata
from ..protocol.grpc_messages import parameter_values, read_message, write_message
from ..protocol.shared_memory import check_region, refuse_change
from ..service import Inference, Service

__all__ = ["CALLS", "Call", "decode", "infer"]

Fields = dict[str, Any]

UNLOAD_PARAMETERS = {"unload_dependents"}
"""Parameters that clients may send when they unload a model. The parameters have no effect, since models do not depend on each other."""


class Call(NamedTuple):
    """A gRPC call other than inference.

    Args:
        request: Type of the request message.
        response: Type of the response message.
        fields: Function that takes the service and the request message, and returns the fields of the response or an awaitable of the
            fields.
    """

    request: type
    response: type
    fields: Callable[[Service, Any], Fields | Awaitable[Fields]]

    async def answer(self, service: Service, message: Any) -> Any:
        """Returns the response to a message."""
        fields = self.fields(service, message)
        return ParseDict(await fields if isinstance(fields, Awaitable) else fields, self.response())


async def decode(service: Service, message: Any) -> Inference:
    """Decodes a `ModelInferRequest`. Raises `ProtocolError` if the message is malformed or the model is unknown."""
    model = service.models.get(message.model_name, message.model_version)
    return await service.decode(model, message.ByteSize(), read_message, message)


async def infer(service: Service, inference: Inference) -> Any:
    """Returns the `ModelInferResponse` to a request. Raises the same errors as `Service.infer`."""
    answers = await service.infer(inference)
    return write_message(inference.model.name, inference.model.version, inference.request, answers)


def _is_ready(service: Service, message: Any) -> Fields:
    try:
        return {"ready": bool(service.models.get(message.name, message.version))}
    except ProtocolError:
        return {"ready": False}


async def _load(service: Service, message: Any) -> Fields:
    await service.load_model(message.model_name, message.parameters)
    return {}


async def _unload(service: Service, message: Any) -> Fields:
    if unknown := set(parameter_values(message.parameters)) - UNLOAD_PARAMETERS:
        raise ProtocolError(f"Unknown parameter {min(unknown)!r} for unloading. Parameters: {', '.join(UNLOAD_PARAMETERS)}.")
    await asyncio.to_thread(service.models.unload, message.model_name)
    return {}


def _regions(kind: str, message: Any) -> Fields:
    check_region(kind, message.name)
    return {}


FIELDS: dict[str, Callable[[Service, Any], Fields | Awaitable[Fields]]] = {
    "ServerLive": lambda _, __: {"live": True},
    "ServerReady": lambda service, _: {"ready": service.ready},
    "ModelReady": _is_ready,
    "ServerMetadata": lambda _, __: server_metadata(),
    "ModelMetadata": lambda service, message: model_metadata(service.models.get(message.name, message.version), service.models),
    "ModelConfig": lambda service, message: {"config": model_config(service.models.get(message.name, message.version), service.settings)},
    "ModelStatistics": lambda service, message: {
        "model_stats": [model_statistics(m) for m in service.models.select(message.name, message.version)]
    },
    "RepositoryIndex": lambda service, message: {"models": [entry._asdict() for entry in service.models.index(only_ready=message.ready)]},
    "RepositoryModelLoad": _load,
    "RepositoryModelUnload": _unload,
    "SystemSharedMemoryStatus": lambda _, message: _regions("system", message),
    "CudaSharedMemoryStatus": lambda _, message: _regions("cuda", message),
    **{
        f"{kind}SharedMemory{change}": lambda _, __: refuse_change() for kind in ("System", "Cuda") for change in ("Register", "Unregister")
    },
}
CALLS = {name: Call(getattr(messages, f"{name}Request"), getattr(messages, f"{name}Response"), fields) for name, fields in FIELDS.items()}
"""All calls except for `ModelInfer` and `ModelStreamInfer`."""
