"""Tokens, limits, errors and the access log of gRPC calls. Tests with NVIDIA's client are in `test_conformance`."""

import contextlib
import json
import logging
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_server import QUICK

from dreamkeras.serving.auth import Guard, Tokens
from dreamkeras.serving.settings import Settings

grpc = pytest.importorskip("grpc")
pytest.importorskip("tritonclient.grpc")

from running_grpc import running_grpc  # noqa: E402
from tritonclient.grpc import service_pb2 as messages  # noqa: E402

from dreamkeras.serving.grpc import service as grpc_service  # noqa: E402

Code = grpc.StatusCode
SMALL = Settings(notice_seconds=0, body_seconds=1, json_bytes=1 << 18, body_bytes=1 << 18, held_bytes=1 << 24, idle_seconds=1)
USER, OPERATOR = "u" * 20, "o" * 20


@pytest.fixture(scope="module")
def server(toy_model):
    with serving(toy_model) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(toy_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "users").write_text(USER)
    (folder / "operators").write_text(OPERATOR)
    guard = Guard(Tokens(folder / "users"), Tokens(folder / "operators"))
    with serving(toy_model, guard=guard) as found:
        yield found


@pytest.fixture(scope="module")
def small(toy_model):
    with serving(toy_model, SMALL) as found:
        yield found


def serving(model, settings=QUICK, guard=None):
    from dreamkeras.scoring.predictor import load
    from dreamkeras.serving.repository import ModelRepository

    repository = ModelRepository({"toy": model}, None, lambda path: load(path, device="cpu", threads=1), settings)
    repository.load_all()
    return running_grpc(repository, settings, guard)


def wait_until(happens):
    for _ in range(3000):
        if happens():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within 30 seconds")


def access_lines(caplog):
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "dreamkeras.serving.access"]


@contextlib.contextmanager
def channel(server):
    with grpc.insecure_channel(server.address, options=[("grpc.max_send_message_length", -1)]) as opened:
        yield opened


def request(**fields):
    message = messages.ModelInferRequest(model_name="toy", raw_input_contents=[b"\4\0\0\0ACGT"], **fields)
    message.inputs.add(name="sequences", datatype="BYTES", shape=[1])
    return message.SerializeToString()


def ask(server, name, body=b"", token=None, timeout=30, **options):
    """Returns the status code of a call, and the bytes of the answer or the error message."""
    metadata = [("authorization", f"Bearer {token}")] if token else None
    with channel(server) as opened:
        try:
            return Code.OK, opened.unary_unary(f"/{grpc_service.SERVICE}/{name}")(body, timeout=timeout, metadata=metadata, **options)
        except grpc.RpcError as error:
            return error.code(), error.details()


class TestErrors:
    def test_undecodable_message_is_malformed(self, server):
        code, details = ask(server, "ModelInfer", b"\xff\xff")
        assert (code, details.startswith("Malformed ModelInferRequest: ")) == (Code.INVALID_ARGUMENT, True)

    def test_a_call_without_a_message_is_malformed(self, server):
        with channel(server) as opened, pytest.raises(grpc.RpcError) as caught:
            opened.stream_unary(f"/{grpc_service.SERVICE}/ServerReady")(iter(()), timeout=30)
        assert (caught.value.code(), caught.value.details()) == (Code.INVALID_ARGUMENT, "Expected a message, got none.")

    def test_an_unknown_call_is_unimplemented(self, server):
        assert ask(server, "TraceSetting")[0] == Code.UNIMPLEMENTED

    def test_internal_errors_are_logged_and_hidden_from_the_client(self, server, monkeypatch, caplog):
        monkeypatch.setattr(server.service.models, "index", lambda **_: 1 / 0)
        code, details = ask(server, "RepositoryIndex")
        assert (code, "ZeroDivisionError" in details) == (Code.INTERNAL, False)
        assert "ZeroDivisionError" in caplog.text

    def test_full_queue_is_unavailable_with_a_time_to_retry(self, server, monkeypatch):
        monkeypatch.setattr(server.service.batcher, "_closing", True)
        with channel(server) as opened, pytest.raises(grpc.RpcError) as caught:
            opened.unary_unary(f"/{grpc_service.SERVICE}/ModelInfer")(request(), timeout=30)
        assert caught.value.code() == Code.UNAVAILABLE
        assert ("grpc-retry-pushback-ms", "1000") in caught.value.trailing_metadata()

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(body=st.binary(max_size=100), name=st.sampled_from(["ModelInfer", "ModelConfig", "RepositoryIndex", "ServerReady"]))
    def test_any_message_is_answered(self, server, body, name):
        assert ask(server, name, body)[0] in {Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND}


class TestTokens:
    @pytest.mark.parametrize("name", ["ServerLive", "ServerReady"])
    def test_health_needs_no_token(self, guarded, name):
        assert ask(guarded, name)[0] == Code.OK

    @pytest.mark.parametrize(
        ("token", "code"), [(None, Code.UNAUTHENTICATED), ("x" * 20, Code.UNAUTHENTICATED), (USER, Code.OK), (OPERATOR, Code.OK)]
    )
    def test_model_calls_need_a_user_token(self, guarded, token, code):
        assert ask(guarded, "ModelInfer", request(), token)[0] == code
        assert ask(guarded, "RepositoryIndex", b"", token)[0] == code

    @pytest.mark.parametrize(("token", "code"), [(None, Code.UNAUTHENTICATED), (USER, Code.UNAUTHENTICATED), (OPERATOR, Code.OK)])
    def test_loading_needs_an_operator_token(self, guarded, token, code):
        assert (
            ask(guarded, "RepositoryModelLoad", messages.RepositoryModelLoadRequest(model_name="toy").SerializeToString(), token)[0] == code
        )

    def test_a_stream_needs_a_token(self, guarded):
        with channel(guarded) as opened, pytest.raises(grpc.RpcError) as caught:
            next(opened.stream_stream(f"/{grpc_service.SERVICE}/ModelStreamInfer")(iter([request()]), timeout=30))
        assert caught.value.code() == Code.UNAUTHENTICATED

    def test_nobody_may_load_without_operator_tokens(self, server):
        assert ask(server, "RepositoryModelUnload")[0] == Code.PERMISSION_DENIED


class TestBounds:
    @pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
    def test_too_large_messages_are_refused_before_and_after_decompression(self, small, compression):
        assert ask(small, "ModelInfer", bytes(10 << 20), compression=compression)[0] == Code.RESOURCE_EXHAUSTED
        assert ask(small, "ModelInfer", request())[0] == Code.OK

    def test_missing_messages_do_not_block_other_calls(self, small):
        stop = threading.Event()

        def silent():
            stop.wait(30)
            yield b""

        with channel(small) as opened:
            call = opened.stream_unary(f"/{grpc_service.SERVICE}/ModelInfer")
            waiting = [call.future(silent(), timeout=30) for _ in range(grpc_service.SLOTS + 10)]
            codes = {one.exception().code() for one in waiting}
            stop.set()
        assert codes == {Code.DEADLINE_EXCEEDED}
        assert ask(small, "ModelInfer", request())[0] == Code.OK

    def test_streams_are_limited_and_end_when_idle(self, small, monkeypatch):
        monkeypatch.setattr(grpc_service, "STREAMS", 1)
        stop = threading.Event()

        def messages_and_silence():
            yield request()
            stop.wait(30)

        with channel(small) as opened:
            stream = opened.stream_stream(f"/{grpc_service.SERVICE}/ModelStreamInfer")
            first = stream(messages_and_silence(), timeout=30)
            assert messages.ModelStreamInferResponse.FromString(next(first)).infer_response.model_name == "toy"
            with pytest.raises(grpc.RpcError) as caught:
                next(stream(iter([request()]), timeout=30))
            assert (caught.value.code(), list(first)) == (Code.UNAVAILABLE, [])
            stop.set()


@pytest.mark.parametrize("leaves", [lambda call: call.cancel(), lambda call: call.exception(timeout=30)])
def test_rows_of_a_cancelled_or_expired_call_are_not_scored(toy_model, leaves):
    slow = Settings(notice_seconds=0, delay_seconds=20, batch_rows=8)  # the batch never fills, so that nothing is scored before the delay
    with serving(toy_model, slow) as running, channel(running) as opened:
        model = running.service.models.get("toy")
        call = opened.unary_unary(f"/{grpc_service.SERVICE}/ModelInfer").future(request(), timeout=2)
        wait_until(lambda: any(running.service.batcher.waiting(model)))
        leaves(call)
        wait_until(lambda: model.statistics.failures["CANCELED"])
        assert (any(running.service.batcher.waiting(model)), model.statistics.executions) == (False, 0)


def test_each_call_is_one_line_of_the_access_log(server, caplog):
    with caplog.at_level(logging.INFO, "dreamkeras.serving.access"), channel(server) as opened:
        opened.unary_unary(f"/{grpc_service.SERVICE}/ModelInfer")(request(), timeout=30, metadata=[("x-request-id", "mine")])
        ask(server, "ModelInfer", b"\xff")
        wait_until(lambda: len(access_lines(caplog)) == 2)  # the line is written while the answer is being sent
    first, second = access_lines(caplog)
    assert [first[key] for key in ("request_id", "path", "status", "model", "rows")] == [
        "mine",
        f"/{grpc_service.SERVICE}/ModelInfer",
        "OK",
        "toy",
        1,
    ]
    assert second["status"] == "INVALID_ARGUMENT"
    assert second["request_id"] not in {"", first["request_id"]}
