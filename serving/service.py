"""Service: what all routes share, be they HTTP's or gRPC's: models, batcher, bounds, and whether the server is stopping."""

from collections import Counter

import numpy as np

from .auth import Guard
from .bodies import Bodies
from .models import ModelRepository
from .protocol.tensors import Tensor
from .protocol.v2 import InferRequest
from .queue.batcher import Batcher
from .queue.jobs import Answers
from .served import ServedModel
from .settings import Settings

__all__ = ["Service"]

MICROSECONDS = 1e6


class Service:
    """The server behind its protocols.

    Args:
        settings: Its bounds.
        models: What it answers for.
        guard: Who may ask.

    Attributes:
        stopping: Whether it has begun to stop: it is not ready, and every answer closes its connection.
        responses: How many answers went out, by their HTTP status.
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
        """Whether requests for inference are welcome: a model is loaded, and the server is not stopping."""
        return bool(self.models.ready) and not self.stopping

    def windows(self, model: ServedModel, inputs: dict[str, Tensor]) -> np.ndarray:
        """The windows uint8 (n, length) of a request's one input.

        Raises:
            ProtocolError: 400, a sequence does not fit.
        """
        ((name, tensor),) = inputs.items()
        return model.windows(name, tensor)

    async def infer(self, model: ServedModel, windows: np.ndarray, request: InferRequest) -> Answers:
        """What a model answers for windows, within the timeout and with the priority that the request asks for.

        Raises:
            ProtocolError: 503, too much is waiting, the time is over, or the model failed.
        """
        timeout = request.parameters.get("timeout", 0) / MICROSECONDS
        return await self.batcher.score(model, windows, timeout or None, request.parameters.get("priority", 0))
