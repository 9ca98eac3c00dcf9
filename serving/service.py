"""Service: models, batcher, limits, permissions and request processing, shared by HTTP and gRPC.

HTTP or gRPC receives a message, `Service.decode` turns the message into windows, `Service.infer` scores the windows, and HTTP or gRPC
writes the answer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .auth import Guard
from .bodies import Bodies
from .errors import ProtocolError
from .protocol.tensors import InferRequest
from .queue.batcher import Batcher
from .queue.jobs import Answers
from .repository import ModelRepository
from .served_model import ServedModel
from .settings import Settings

__all__ = ["LARGE", "Inference", "Service"]

LARGE = 1 << 17
"""Requests of at least this many bytes are decoded in a thread, so that the server can answer other requests meanwhile."""

MICROSECONDS = 1e6


class Inference(NamedTuple):
    """A decoded inference request.

    Args:
        model: Model that scores the request.
        request: Requested outputs and parameters.
        windows: Windows to score, uint8 (n, length).
    """

    model: ServedModel
    request: InferRequest
    windows: np.ndarray

    @property
    def log_fields(self) -> dict[str, Any]:
        """Fields of the request for the access log."""
        return {"model": self.model.name, "version": self.model.version, "rows": len(self.windows)}


class Service:
    """The part of the server that HTTP and gRPC share.

    Attributes:
        stopping: Whether the server is shutting down. A server that is shutting down reports "not ready" and closes the connection after
            each answer.
        responses: Number of HTTP responses by status.
    """

    def __init__(self, settings: Settings, models: ModelRepository, guard: Guard) -> None:
        self.settings = settings
        self.models = models
        self.guard = guard
        self.batcher = Batcher(settings)
        self.bodies = Bodies(settings)
        self.stopping = False
        self.responses: Counter[int] = Counter()

    @property
    def ready(self) -> bool:
        """Whether at least one model is loaded and the server is not shutting down."""
        return bool(self.models.ready) and not self.stopping

    async def load_model(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Loads or reloads a model in a thread.

        Raises:
            ProtocolError: 404 for an unknown model, 400 if the client sent parameters.
            DreamkerasError: A file of the model cannot be loaded.
        """
        if parameters:
            given = next(iter(parameters))
            raise ProtocolError(f"Loading a model takes no parameters, got {given!r}.")
        # The task is shielded, so that a client that disconnects does not interrupt the loading.
        await asyncio.shield(asyncio.to_thread(self.models.load, name))

    async def decode(self, model: ServedModel, size: int, read: Callable[..., InferRequest], *message: Any) -> Inference:
        """Decodes a request into windows. A large request is decoded in a thread.

        Args:
            model: Model that will score the request.
            size: Size of the message in bytes.
            read: Function that decodes HTTP or gRPC messages. The arguments of the function are the message, the model's inputs and
                outputs, and the settings.
            message: The message, passed to `read` as its first arguments.

        Raises:
            ProtocolError: 400 if the request is malformed or a sequence does not fit the construct.
        """

        def work() -> Inference:
            request = read(*message, model.inputs, model.outputs, self.settings)
            return Inference(model, request, model.windows(request.input_name, request.tensor))

        return work() if size < LARGE else await asyncio.to_thread(work)

    async def infer(self, inference: Inference) -> Answers:
        """Scores the windows of a request and returns the model's outputs. The request may set a timeout and a priority.

        Raises:
            ProtocolError: 503 if the queue is full, the timeout has expired or the model failed.
        """
        model, request, windows = inference
        timeout = request.parameters.get("timeout", 0) / MICROSECONDS
        return await self.batcher.score(model, windows, timeout or None, request.parameters.get("priority", 0))
