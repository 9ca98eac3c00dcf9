"""Service: models, batcher, bounds and permissions, and the way of a request, shared by HTTP and gRPC.

A protocol receives a message, `Service.decode` turns it into windows, `Service.infer` scores them, and the protocol writes the answer.
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
"""Bytes of a request from which on it is decoded in a thread, so that others are answered meanwhile."""

MICROSECONDS = 1e6


class Inference(NamedTuple):
    """A request for inference, decoded.

    Args:
        model: The model to score it.
        request: Its outputs and parameters.
        windows: Its sequences, uint8 (n, length).
    """

    model: ServedModel
    request: InferRequest
    windows: np.ndarray

    @property
    def log_fields(self) -> dict[str, Any]:
        """Its fields in the access log."""
        return {"model": self.model.name, "version": self.model.version, "rows": len(self.windows)}


class Service:
    """The server behind its protocols.

    Attributes:
        stopping: Whether it has begun to stop: it is not ready, and every answer closes its connection.
        responses: Number of HTTP answers by status.
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
        """Whether a model is loaded, and the server is not stopping."""
        return bool(self.models.ready) and not self.stopping

    async def load_model(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Loads a model, or loads it anew, in a thread.

        Raises:
            ProtocolError: 404, there is no such model; 400, the client sent parameters.
            DreamkerasError: One of its files cannot be loaded.
        """
        if parameters:
            given = next(iter(parameters))
            raise ProtocolError(f"Expected no parameters for loading, got {given!r}: models are loaded as they are on the disk.")
        # Shielded: half a loading would leave nothing to ask about, so it goes on when the client does not wait.
        await asyncio.shield(asyncio.to_thread(self.models.load, name))

    async def decode(self, model: ServedModel, size: int, read: Callable[..., InferRequest], *message: Any) -> Inference:
        """A request as windows; a large one is decoded in a thread.

        Args:
            model: The model to score it.
            size: Bytes of the message.
            read: The protocol's reader; takes the message, the model's inputs and outputs, and the settings.
            message: The message, as `read` takes it.

        Raises:
            ProtocolError: 400, the request is malformed, or a sequence does not fit.
        """

        def work() -> Inference:
            request = read(*message, model.inputs, model.outputs, self.settings)
            return Inference(model, request, model.windows(request.input_name, request.tensor))

        return work() if size < LARGE else await asyncio.to_thread(work)

    async def infer(self, inference: Inference) -> Answers:
        """The model's outputs, within the timeout and with the priority of the request.

        Raises:
            ProtocolError: 503, too much is waiting, the timeout has expired, or the model failed.
        """
        model, request, windows = inference
        timeout = request.parameters.get("timeout", 0) / MICROSECONDS
        return await self.batcher.score(model, windows, timeout or None, request.parameters.get("priority", 0))
