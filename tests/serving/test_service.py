import asyncio
import threading

import numpy as np
import pytest

from dreamkeras.serving.auth import Guard
from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.tensors import InferRequest
from dreamkeras.serving.service import LARGE, Inference, Service
from dreamkeras.serving.settings import Settings


@pytest.fixture
def service(make_repository):
    return Service(Settings(), make_repository(), Guard())


def test_service_is_ready_while_a_model_is_loaded_and_it_is_not_stopping(service):
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
def test_timeout_and_priority_come_from_the_request(service, monkeypatch, parameters, within, priority):
    async def score(*args):
        return args

    model, windows = service.models.get("toy"), np.zeros((1, 12), np.uint8)
    request = InferRequest(None, "sequences", [b"ACGT"], [("expression", True)], parameters)
    monkeypatch.setattr(service.batcher, "score", score)
    assert asyncio.run(service.infer(Inference(model, request, windows))) == (model, windows, within, priority)


@pytest.mark.parametrize("size", [LARGE - 1, LARGE])
def test_decoding_gives_windows_and_uses_a_thread_for_large_requests(service, size):
    threads = []

    def read(body, length, *bounds):
        threads.append(threading.current_thread())
        assert (body, length, bounds) == (b"body", 4, (model.inputs, model.outputs, service.settings))
        return InferRequest("mine", "sequences", [b"ACGT"], [], {})

    model = service.models.get("toy")
    found = asyncio.run(service.decode(model, size, read, b"body", 4))
    assert (found.model, found.request.id, found.windows.tobytes()) == (model, "mine", b"ACGTNNNNNNNN")
    assert found.log_fields == {"model": "toy", "version": "1", "rows": 1}
    assert (threads[0] is threading.main_thread()) is (size < LARGE)


def test_loading_a_model_takes_no_parameters(service):
    service.models.unload("toy")
    for parameters in ({"config": "{}"}, {"": 1}):
        with pytest.raises(ProtocolError, match="Loading a model takes no parameters"):
            asyncio.run(service.load_model("toy", parameters))
    asyncio.run(service.load_model("toy", {}))
    assert service.ready
