"""The calls of the Open Inference Protocol over gRPC, with Triton's extensions: from a message to the message that answers it.

Knows nothing about connections, tokens and errors' codes: `service` does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from google.protobuf.json_format import ParseDict
from tritonclient.grpc import service_pb2 as messages

from ..errors import ProtocolError
from ..metadata import model_config, model_metadata, model_statistics, server_metadata
from ..protocol.grpc_messages import parameter_values, read_message, write_message
from ..service import Inference, Service

__all__ = ["CALLS", "Call", "decode", "infer"]

UNLOAD_PARAMETERS = {"unload_dependents"}
"""What a client may say when it unloads a model. Models here do not depend on each other."""


class Call(NamedTuple):
    """A call that is answered out of its message alone.

    Args:
        request: The type of its message.
        answer: From service and message to the answer.
    """

    request: type
    answer: Callable[[Service, Any], Awaitable[Any]]


async def decode(service: Service, message: Any) -> Inference:
    """What a `ModelInferRequest` asks.

    Raises:
        ProtocolError: There is no such model, or it does not take that.
    """
    model = service.models.get(message.model_name, message.model_version)
    return await service.decode(model, message.ByteSize(), read_message, message)


async def infer(service: Service, inference: Inference) -> Any:
    """The `ModelInferResponse` to a request.

    Raises:
        ProtocolError: Too much is waiting, the time is over, or the model failed.
    """
    answers = await service.infer(inference)
    return write_message(inference.model.name, inference.model.version, inference.request, answers)


async def _server_live(_: Service, __: Any) -> Any:
    return messages.ServerLiveResponse(live=True)


async def _server_ready(service: Service, _: Any) -> Any:
    return messages.ServerReadyResponse(ready=service.ready)


async def _model_ready(service: Service, message: Any) -> Any:
    try:
        service.models.get(message.name, message.version)
    except ProtocolError:
        return messages.ModelReadyResponse(ready=False)
    return messages.ModelReadyResponse(ready=True)


async def _server_metadata(_: Service, __: Any) -> Any:
    return messages.ServerMetadataResponse(**server_metadata())


async def _model_metadata(service: Service, message: Any) -> Any:
    model = service.models.get(message.name, message.version)
    return ParseDict(model_metadata(model, service.models), messages.ModelMetadataResponse())


async def _model_config(service: Service, message: Any) -> Any:
    model = service.models.get(message.name, message.version)
    return ParseDict({"config": model_config(model, service.settings)}, messages.ModelConfigResponse())


async def _model_statistics(service: Service, message: Any) -> Any:
    models = service.models
    if message.version:
        chosen = [models.get(message.name, message.version)]
    elif message.name:
        name = models.get(message.name).name
        chosen = [models.get(name, version) for version in models.versions(name)]
    else:
        chosen = models.ready
    return ParseDict({"model_stats": [model_statistics(model) for model in chosen]}, messages.ModelStatisticsResponse())


async def _repository_index(service: Service, message: Any) -> Any:
    entries = [entry._asdict() for entry in service.models.index() if entry.state == "READY" or not message.ready]
    return messages.RepositoryIndexResponse(models=entries)


async def _repository_load(service: Service, message: Any) -> Any:
    if message.parameters:
        raise ProtocolError(
            f"Expected no parameters for loading, got {next(iter(message.parameters))!r}: models are loaded as they are on the disk."
        )
    # Shielded: half a loading would leave nothing to ask about, so it goes on when the client does not wait.
    await asyncio.shield(asyncio.to_thread(service.models.load, message.model_name))
    return messages.RepositoryModelLoadResponse()


async def _repository_unload(service: Service, message: Any) -> Any:
    if unknown := set(parameter_values(message.parameters)) - UNLOAD_PARAMETERS:
        raise ProtocolError(f"Expected no parameter for unloading but {', '.join(UNLOAD_PARAMETERS)}, got {min(unknown)!r}.")
    await asyncio.to_thread(service.models.unload, message.model_name)
    return messages.RepositoryModelUnloadResponse()


CALLS = {
    "ServerLive": Call(messages.ServerLiveRequest, _server_live),
    "ServerReady": Call(messages.ServerReadyRequest, _server_ready),
    "ModelReady": Call(messages.ModelReadyRequest, _model_ready),
    "ServerMetadata": Call(messages.ServerMetadataRequest, _server_metadata),
    "ModelMetadata": Call(messages.ModelMetadataRequest, _model_metadata),
    "ModelConfig": Call(messages.ModelConfigRequest, _model_config),
    "ModelStatistics": Call(messages.ModelStatisticsRequest, _model_statistics),
    "RepositoryIndex": Call(messages.RepositoryIndexRequest, _repository_index),
    "RepositoryModelLoad": Call(messages.RepositoryModelLoadRequest, _repository_load),
    "RepositoryModelUnload": Call(messages.RepositoryModelUnloadRequest, _repository_unload),
}
"""All calls but those for inference, `ModelInfer` and `ModelStreamInfer`."""
