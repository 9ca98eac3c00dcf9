import asyncio

import numpy as np
import pytest

from dreamkeras.serving.auth import Guard
from dreamkeras.serving.protocol.v2 import InferRequest
from dreamkeras.serving.service import Service
from dreamkeras.serving.settings import Settings


@pytest.fixture
def service(make_repository):
    return Service(Settings(), make_repository(), Guard())


def ask(parameters):
    return InferRequest(None, {"sequences": [b"ACGT"]}, [("expression", True)], parameters)


def test_is_ready_while_it_has_a_model_and_is_not_stopping(service):
    assert service.ready
    service.stopping = True
    assert not service.ready
    service.stopping = False
    service.models.unload("toy")
    assert not service.ready


@pytest.mark.parametrize(
    ("parameters", "within", "priority"),
    [({}, None, 0), ({"timeout": 0}, None, 0), ({"timeout": 1_500_000, "priority": 3}, 1.5, 3), ({"mine": "x"}, None, 0)],
)
def test_timeout_and_priority_are_those_of_the_request(service, monkeypatch, parameters, within, priority):
    async def score(*args):
        return args

    model, windows = service.models.get("toy"), np.zeros((1, 12), np.uint8)
    monkeypatch.setattr(service.batcher, "score", score)
    assert asyncio.run(service.infer(model, windows, ask(parameters))) == (model, windows, within, priority)


def test_windows_are_those_of_the_one_input(service):
    model = service.models.get("toy")
    assert service.windows(model, ask({}).inputs).tobytes() == b"ACGTNNNNNNNN"
