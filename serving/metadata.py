"""Returns the metadata, configuration and statistics of the server and its models as JSON for the Open Inference Protocol.

The gRPC messages have the same fields as the JSON objects.
"""

import importlib.metadata
from typing import Any

from .protocol.tensors import BYTES, TensorSpec
from .queue.queues import PRIORITIES
from .repository import ModelRepository
from .served_model import ServedModel
from .settings import Settings

__all__ = ["EXTENSIONS", "model_config", "model_metadata", "model_statistics", "server_metadata"]

EXTENSIONS = (
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "model_repository(unload_dependents)",
    "parameters",
    "schedule_policy",
    "statistics",
)
"""Triton's protocol extensions that the server supports."""

PLATFORM = "onnxruntime_onnx"
TYPES = {BYTES: "TYPE_STRING", "UINT8": "TYPE_UINT8", "FP32": "TYPE_FP32"}
MICROSECONDS = 1_000_000


def server_metadata() -> dict[str, Any]:
    """Returns the name, version and protocol extensions of the server."""
    return {"name": "dreamkeras", "version": importlib.metadata.version("dreamkeras"), "extensions": list(EXTENSIONS)}


def model_metadata(model: ServedModel, models: ModelRepository) -> dict[str, Any]:
    """Returns the versions, inputs and outputs of a model. An inference request contains exactly one input."""
    return {
        "name": model.name,
        "versions": models.versions(model.name),
        "platform": PLATFORM,
        "inputs": [_tensor(spec) for spec in _named_once(model)],
        "outputs": [_tensor(spec) for spec in model.outputs],
    }


def model_config(model: ServedModel, settings: Settings) -> dict[str, Any]:
    """Returns the configuration of a model, with the fields of Triton's `ModelConfig`."""
    queue_policy = {
        "timeout_action": "REJECT",
        "default_timeout_microseconds": round(settings.timeout_seconds * MICROSECONDS),
        "allow_timeout_override": True,
        "max_queue_size": settings.queue_rows,
    }
    return {
        "name": model.name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "version_policy": {"all": {}},
        "max_batch_size": settings.rows,
        "input": [{**_dimensions(spec), "optional": True} for spec in _named_once(model)],
        "output": [_dimensions(spec) for spec in model.outputs],
        "dynamic_batching": {
            "preferred_batch_size": [model.batch_rows],
            "max_queue_delay_microseconds": round(settings.delay_seconds * MICROSECONDS),
            "priority_levels": PRIORITIES,
            "default_priority_level": PRIORITIES // 2,
            "default_queue_policy": queue_policy,
        },
        "parameters": {
            "construct": {"string_value": model.predictor.construct.name},
            "tasks": {"string_value": ", ".join(model.predictor.tasks)},
            "units": {"string_value": ", ".join(model.predictor.units)},
        },
    }


def model_statistics(model: ServedModel) -> dict[str, Any]:
    """Returns the statistics of a model's requests."""
    return {"name": model.name, "version": model.version, **model.statistics.to_json()}


def _named_once(model: ServedModel) -> list[TensorSpec]:
    """Returns the inputs of a model. An input with several shapes is included once, with its first shape."""
    return list({spec.name: spec for spec in reversed(model.inputs)}.values())[::-1]


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _dimensions(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "data_type": TYPES[spec.datatype], "dims": list(spec.shape[1:])}
