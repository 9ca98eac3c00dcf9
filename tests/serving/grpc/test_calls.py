"""gRPC calls without a network port. Tests with NVIDIA's client are in `test_conformance`."""

import asyncio

import numpy as np
import pytest
from toy_models import write_toy_model

from dreamkeras.serving.auth import Guard
from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.service import Service
from dreamkeras.serving.settings import Settings

pytest.importorskip("tritonclient.grpc")

from tritonclient.grpc import service_pb2 as messages

from dreamkeras.serving.grpc.calls import CALLS, decode, infer


@pytest.fixture
def service(make_repository, toy_model, tmp_path):
    for version in ("1", "2"):
        (tmp_path / "twice" / version).mkdir(parents=True)
        write_toy_model(tmp_path / "twice" / version / "model.onnx", weight=2, tasks=("gc",))
    return Service(Settings(), make_repository({"toy": toy_model}, tmp_path), Guard())


def call(service, name, /, **fields):
    """Returns the answer of a call."""
    return asyncio.run(CALLS[name].answer(service, CALLS[name].request(**fields)))


def refused(service, name, /, **fields):
    with pytest.raises(ProtocolError) as caught:
        call(service, name, **fields)
    return caught.value.status


def ask(service, message):
    """Returns the answer to an inference message."""

    async def work():
        service.batcher.start()
        try:
            return await infer(service, await decode(service, message))
        finally:
            await asyncio.to_thread(service.batcher.close)

    return asyncio.run(work())


def windows(rows, model="toy"):
    message = messages.ModelInferRequest(model_name=model, raw_input_contents=[b"ACGTACGTNNNN" * rows])
    message.inputs.add(name="letters", datatype="UINT8", shape=[rows, 12])
    return message


@pytest.mark.parametrize("rows", [1, 8000])
def test_small_and_large_requests_are_answered(service, rows):
    answer = ask(service, windows(rows))
    assert (answer.model_name, answer.model_version, list(answer.outputs[0].shape)) == ("toy", "1", [rows, 2])
    np.testing.assert_array_equal(np.frombuffer(answer.raw_output_contents[0], "<f4").reshape(rows, 2), [[4, 2]] * rows)


def test_the_server_is_not_ready_without_models_and_while_stopping(service):
    assert call(service, "ServerReady").ready
    service.stopping = True
    assert (call(service, "ServerReady").ready, call(service, "ServerLive").live) == (False, True)


def test_statistics_cover_a_version_a_model_or_all_models(service):
    counts = [
        len(call(service, "ModelStatistics", **fields).model_stats) for fields in ({}, {"name": "twice"}, {"name": "twice", "version": "2"})
    ]
    assert counts == [3, 2, 1]


def test_index_can_omit_models_that_are_not_ready(service):
    call(service, "RepositoryModelUnload", model_name="twice")
    assert [(model.name, model.state) for model in call(service, "RepositoryIndex").models] == [("toy", "READY"), ("twice", "UNAVAILABLE")]
    assert [model.name for model in call(service, "RepositoryIndex", ready=True).models] == ["toy"]


def test_loading_accepts_no_files_and_no_configuration(service):
    parameters = {"config": messages.ModelRepositoryParameter(string_param="{}")}
    assert refused(service, "RepositoryModelLoad", model_name="toy", parameters=parameters) == 400
    assert refused(service, "RepositoryModelLoad", model_name="no") == 404


def test_unloading_accepts_only_the_parameters_of_nvidias_client(service):
    true = messages.ModelRepositoryParameter(bool_param=True)
    assert refused(service, "RepositoryModelUnload", model_name="toy", parameters={"force": true}) == 400
    call(service, "RepositoryModelUnload", model_name="toy", parameters={"unload_dependents": true})
    assert refused(service, "RepositoryModelUnload", model_name="toy") == 404
    assert not call(service, "ModelReady", name="toy").ready


@pytest.mark.parametrize("name", ["ModelMetadata", "ModelConfig", "ModelStatistics"])
def test_unknown_version_is_404(service, name):
    assert refused(service, name, name="toy", version="7") == 404


@pytest.mark.parametrize("kind", ["System", "Cuda"])
def test_shared_memory_is_disabled(service, kind):
    assert not call(service, f"{kind}SharedMemoryStatus").regions
    assert refused(service, f"{kind}SharedMemoryStatus", name="mine") == 404
    assert refused(service, f"{kind}SharedMemoryRegister", name="mine") == 501
    assert refused(service, f"{kind}SharedMemoryUnregister") == 501


def test_all_calls_of_the_protocol_are_supported():
    service = messages.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    missing = {method.name for method in service.methods} - set(CALLS) - {"ModelInfer", "ModelStreamInfer"}
    assert missing == {
        "TraceSetting",
        "LogSettings",
    }
    assert all(service.methods_by_name[name].input_type is call.request.DESCRIPTOR for name, call in CALLS.items())
