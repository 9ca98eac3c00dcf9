"""Tests of the Open Inference Protocol over HTTP, with NVIDIA's client and with raw requests."""

import dataclasses
import gzip
import http.client
import json
import logging
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_server import ask, running_server
from toy_models import count

from dreamkeras.serving.auth import Guard
from dreamkeras.serving.http.app import create_app
from dreamkeras.serving.metadata import EXTENSIONS
from dreamkeras.serving.settings import Settings

triton = pytest.importorskip("tritonclient.http")

SEQUENCES = ["ACGTACGT", "GGGG", "acgtn", "ACGTACGTACGT"]
INFER = "/v2/models/toy/infer"


@pytest.fixture(scope="module")
def client(running):
    with triton.InferenceServerClient(running.address) as client:
        yield client


def strings(sequences=SEQUENCES, shape=None, binary=True):
    tensor = triton.InferInput("sequences", shape or [len(sequences)], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode() for text in sequences], object).reshape(tensor.shape()), binary_data=binary)
    return tensor


def letters(sequences=SEQUENCES, binary=True):
    array = np.array([list(text.ljust(12, "N").encode()) for text in sequences], np.uint8)
    tensor = triton.InferInput("letters", list(array.shape), "UINT8")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def expected(sequences=SEQUENCES, weight=1, tasks=("gc", "a")):
    return np.array([count(text.upper(), tasks) for text in sequences], np.float32) * weight


class TestServer:
    def test_is_live_and_ready(self, client):
        assert client.is_server_live()
        assert client.is_server_ready()

    def test_metadata_names_server_and_extensions(self, client):
        found = client.get_server_metadata()
        assert (found["name"], found["extensions"]) == ("dreamkeras", list(EXTENSIONS))

    def test_unknown_path_is_404_with_an_error(self, running):
        assert request(running, "GET", "/v2/trace/setting") == (404, {"error": "Not Found"})

    def test_wrong_method_is_405_with_an_error(self, running):
        assert request(running, "DELETE", "/v2") == (405, {"error": "Method Not Allowed"})


class TestSharedMemory:
    """Triton without `--allow-client-shm` shows that there is no region, and refuses to register and unregister regions."""

    @pytest.mark.parametrize("kind", ["system", "cuda"])
    def test_there_is_no_region(self, client, kind):
        status = getattr(client, f"get_{kind}_shared_memory_status")
        assert status() == []
        with pytest.raises(triton.InferenceServerException, match=f"Unable to find {kind} shared memory region: 'mine'") as caught:
            status("mine")
        assert caught.value.status() == "404"

    @pytest.mark.parametrize(
        ("call", "arguments"),
        [
            ("register_system_shared_memory", ("mine", "/mine", 8)),
            ("register_cuda_shared_memory", ("mine", b"handle", 0, 8)),
            ("unregister_system_shared_memory", ()),
            ("unregister_system_shared_memory", ("mine",)),
            ("unregister_cuda_shared_memory", ()),
            ("unregister_cuda_shared_memory", ("mine",)),
        ],
    )
    def test_changes_are_refused(self, client, call, arguments):
        with pytest.raises(triton.InferenceServerException, match="Client shared memory is disabled") as caught:
            getattr(client, call)(*arguments)
        assert caught.value.status() == "501"


class TestModel:
    @pytest.mark.parametrize(
        ("name", "version", "is_ready"), [("toy", "", True), ("toy", "1", True), ("toy", "2", False), ("no", "", False)]
    )
    def test_readiness(self, client, name, version, is_ready):
        assert client.is_model_ready(name, version) is is_ready

    def test_metadata(self, client):
        found = client.get_model_metadata("toy")
        assert found["inputs"] == [
            {"name": "sequences", "datatype": "BYTES", "shape": [-1, 1]},
            {"name": "letters", "datatype": "UINT8", "shape": [-1, 12]},
        ]
        assert found["outputs"] == [{"name": "expression", "datatype": "FP32", "shape": [-1, 2]}]

    def test_versions_are_listed_with_the_newest_last(self, client):
        assert client.get_model_metadata("twice")["versions"] == ["1", "2", "10"]

    def test_config(self, client):
        found = client.get_model_config("toy", "1")
        assert (found["name"], found["max_batch_size"]) == ("toy", 8192)
        assert [entry["dims"] for entry in found["input"]] == [[1], [12]]

    @pytest.mark.parametrize("ask_for", ["get_model_metadata", "get_model_config", "get_inference_statistics"])
    def test_unknown_model_is_404(self, client, ask_for):
        with pytest.raises(triton.InferenceServerException, match="Request for unknown model: 'no' is not found") as caught:
            getattr(client, ask_for)("no")
        assert caught.value.status() == "404"

    def test_statistics_count_requests_rows_and_batches(self, client):
        def found():
            (statistics,) = client.get_inference_statistics("twice", "1")["model_stats"]
            return statistics["inference_stats"]["success"]["count"], statistics["inference_count"], statistics["execution_count"]

        before = found()
        client.infer("twice", [strings()], model_version="1")
        assert np.subtract(found(), before).tolist() == [1, 4, 1]

    def test_statistics_of_all_versions_and_of_all_models(self, client):
        assert [entry["version"] for entry in client.get_inference_statistics("twice")["model_stats"]] == ["1", "2", "10"]
        assert len(client.get_inference_statistics()["model_stats"]) == 4

    def test_index_lists_versions(self, client):
        assert client.get_model_repository_index() == [
            {"name": "toy", "version": "1", "state": "READY"},
            *({"name": "twice", "version": version, "state": "READY"} for version in ("1", "2", "10")),
        ]


class TestInfer:
    @pytest.mark.parametrize("binary_out", [True, False])
    @pytest.mark.parametrize("binary_in", [True, False])
    @pytest.mark.parametrize("tensor", [strings, letters])
    def test_values(self, client, tensor, binary_in, binary_out):
        outputs = [triton.InferRequestedOutput("expression", binary_data=binary_out)]
        result = client.infer("toy", [tensor(binary=binary_in)], outputs=outputs)
        np.testing.assert_array_equal(result.as_numpy("expression"), expected())

    @pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
    def test_requests_and_answers_may_be_compressed(self, client, algorithm):
        result = client.infer(
            "toy", [strings(SEQUENCES * 50)], request_compression_algorithm=algorithm, response_compression_algorithm=algorithm
        )
        np.testing.assert_array_equal(result.as_numpy("expression"), expected(SEQUENCES * 50))

    def test_strings_as_a_column(self, client):
        result = client.infer("toy", [strings(shape=[4, 1])])
        np.testing.assert_array_equal(result.as_numpy("expression"), expected())

    def test_request_without_outputs_gets_all_as_binary(self, client):
        result = client.infer("toy", [strings()], request_id="mine")
        assert result.get_response()["outputs"][0]["parameters"] == {"binary_data_size": 32}
        assert (result.get_response()["id"], result.get_response()["model_version"]) == ("mine", "1")

    @pytest.mark.parametrize(("version", "weight"), [("", 20), ("1", 2), ("2", 4), ("10", 20)])
    def test_versions(self, client, version, weight):
        result = client.infer("twice", [strings()], model_version=version)
        np.testing.assert_array_equal(result.as_numpy("expression"), expected(weight=weight, tasks=("gc",)))

    def test_rows_of_several_batches_keep_their_order(self, client):
        sequences = ["A" * (4 + i % 9) for i in range(100)]
        result = client.infer("toy", [strings(sequences)])
        np.testing.assert_array_equal(result.as_numpy("expression"), expected(sequences))

    def test_concurrent_requests_are_answered(self, running):
        with triton.InferenceServerClient(running.address, concurrency=8) as many:
            asked = [many.async_infer("toy", [strings([text])]) for text in SEQUENCES * 10]
            values = [result.get_result().as_numpy("expression")[0] for result in asked]
        np.testing.assert_array_equal(values, expected(SEQUENCES * 10))

    def test_priority_and_timeout_are_accepted(self, client):
        result = client.infer("toy", [strings()], priority=1, timeout=30_000_000)
        np.testing.assert_array_equal(result.as_numpy("expression"), expected())

    def test_raw_request_is_one_row(self, running):
        status, body = request(running, "POST", INFER, b"ACGTACGTNNNN", {"Inference-Header-Content-Length": "0"}, parse=False)
        assert (status, struct.unpack("<2f", body[-8:])) == (200, (4, 2))

    @pytest.mark.parametrize(
        ("tensors", "message"),
        [
            (lambda: [strings(["ACGX"])], r"Expected DNA letters, got 'X' at position 4 in the sequence at index 0. Input: 'sequences'"),
            (lambda: [strings(["ACGT", "A"])], r"Expected 4 to 12 bases for construct 'toy', got 1 in the sequence at index 1"),
            (lambda: [strings(["ACGT", "A" * 13])], r"Expected at most 12 bases, adapters included, got 13 in the sequence at index 1"),
            (lambda: [letters(["ACG\0"])], "Expected ASCII codes of DNA letters, got 0 at row 0, column 3"),
            (lambda: [strings(), letters()], "Expected one input"),
            (list, "Expected one input"),
            (lambda: [strings(shape=[2, 2])], r"Expected input 'sequences' as BYTES"),
        ],
    )
    def test_malformed_requests_are_400_and_keep_the_connection(self, client, tensors, message):
        with pytest.raises(triton.InferenceServerException, match=message) as caught:
            client.infer("toy", tensors())
        assert caught.value.status() == "400"
        np.testing.assert_array_equal(client.infer("toy", [strings()]).as_numpy("expression"), expected())

    @pytest.mark.parametrize(("name", "version"), [("no", ""), ("toy", "7")])
    def test_unknown_model_or_version_is_404(self, client, name, version):
        with pytest.raises(triton.InferenceServerException, match="Request for unknown model") as caught:
            client.infer(name, [strings(SEQUENCES * 500)], model_version=version)
        assert caught.value.status() == "404"


class TestBodies:
    def test_answers_are_compressed_if_the_client_accepts_it(self, running):
        body = json.dumps({"inputs": [{"name": "sequences", "datatype": "BYTES", "shape": [200], "data": ["ACGT"] * 200}]})
        headers = {"Accept-Encoding": "br, deflate;q=0, gzip"}
        status, packed = request(running, "POST", INFER, body, headers, parse=False)
        assert (status, json.loads(gzip.decompress(packed))["outputs"][0]["shape"]) == (200, [200, 2])

    def test_short_answers_are_not_compressed(self, running):
        body = json.dumps({"inputs": [{"name": "sequences", "datatype": "BYTES", "shape": [1], "data": ["ACGT"]}]})
        assert request(running, "POST", INFER, body, {"Accept-Encoding": "gzip"})[0] == 200

    @pytest.mark.parametrize("length", ["x", "-1", "1.5", "9" * 30, "12"])
    def test_wrong_header_length_is_400(self, running, length):
        status, answer = request(running, "POST", INFER, b'{"id":"x"}', {"Inference-Header-Content-Length": length})
        assert (status, list(answer)) == (400, ["error"])

    def test_large_body_is_decoded_in_a_thread(self, running):
        rows = 8000
        array = np.frombuffer(b"ACGTACGTNNGG" * rows, np.uint8).reshape(rows, 12)
        assert array.nbytes > 1 << 16
        with triton.InferenceServerClient(running.address) as client:
            tensor = triton.InferInput("letters", [rows, 12], "UINT8")
            tensor.set_data_from_numpy(array)
            np.testing.assert_array_equal(client.infer("toy", [tensor]).as_numpy("expression"), np.full((rows, 2), (6, 2), np.float32))

    def test_too_long_json_answers_are_refused_before_scoring(self, running):
        text = json.dumps(
            {"inputs": [{"name": "letters", "datatype": "UINT8", "shape": [8000, 12], "parameters": {"binary_data_size": 96000}}]}
        )
        short = dataclasses.replace(running.service.settings, json_bytes=8000 * 2 * 20 - 1)
        executions = running.service.models.get("toy").statistics.executions
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running.service, "settings", short)
            status, answer = request(
                running, "POST", INFER, text.encode() + b"ACGT" * 24000, {"Inference-Header-Content-Length": str(len(text))}
            )
        assert (status, answer["error"][:57]) == (400, "Expected an answer of at most 319999 bytes of JSON, got a")
        assert running.service.models.get("toy").statistics.executions == executions


class TestRepository:
    @pytest.fixture
    def operator(self, make_repository):
        """Client of a server that allows loading and unloading."""
        with (
            running_server(make_repository(), guard=Guard(control=True)) as running,
            triton.InferenceServerClient(running.address) as client,
        ):
            yield client

    def test_unloaded_model_is_unknown_until_it_is_loaded(self, operator):
        operator.unload_model("toy")
        assert not operator.is_model_ready("toy")
        assert operator.get_model_repository_index() == [{"name": "toy", "state": "UNAVAILABLE", "reason": "unloaded"}]
        with pytest.raises(triton.InferenceServerException, match="Request for unknown model: 'toy' is not found"):
            operator.infer("toy", [strings()])
        operator.load_model("toy")
        np.testing.assert_array_equal(operator.infer("toy", [strings()]).as_numpy("expression"), expected())

    def test_index_can_be_limited_to_loaded_models(self, running):
        assert len(request(running, "POST", "/v2/repository/index", b'{"ready": true}')[1]) == 4

    @pytest.mark.parametrize(("name", "options", "status"), [("no", {}, "404"), ("toy", {"config": "{}"}, "400"), ("../toy", {}, "404")])
    def test_only_models_on_disk_can_be_loaded(self, operator, name, options, status):
        with pytest.raises(triton.InferenceServerException) as caught:
            operator.load_model(name, **options)
        assert caught.value.status() == status
        assert operator.is_model_ready("toy")

    def test_loading_without_permission_is_refused(self, client):
        with pytest.raises(triton.InferenceServerException, match="Loading and unloading models is disabled") as caught:
            client.load_model("toy")
        assert caught.value.status() == "403"

    @pytest.mark.parametrize("body", [b"[]", b"{", b'{"ready": 1}'])
    def test_index_refuses_malformed_bodies(self, running, body):
        assert request(running, "POST", "/v2/repository/index", body)[0] == 400


def test_rows_of_a_disconnected_client_are_not_scored(make_repository, caplog):
    caplog.set_level(logging.INFO, logger="dreamkeras.serving.access")
    app = create_app(Settings(delay_seconds=1), make_repository())
    body = json.dumps({"inputs": [{"name": "sequences", "datatype": "BYTES", "shape": [1], "data": ["ACGT"]}]}).encode()
    assert ask(app, "POST", INFER, body, leave=True) is None
    statistics = app.state.service.models.get("toy").statistics
    assert (statistics.executions, statistics.failures["CANCELED"]) == (0, 1)
    assert '"status": 499' in caplog.records[-1].getMessage()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        ).map(lambda value: json.dumps(value).encode()),
    ),
    length=st.none() | st.integers(0, 300),
    packed=st.booleans(),
)
def test_any_malformed_body_is_400(running, body, length, packed):
    headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
    if packed:
        body, headers["Content-Encoding"] = zlib.compress(body), "deflate"
    status, answer = request(running, "POST", INFER, body, headers)
    assert (status, list(answer)) == (400, ["error"])


def request(running, method, path, body=b"", headers=None, *, parse=True):
    """Sends a raw request and returns status and body."""
    connection = http.client.HTTPConnection(running.address, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if parse and content else content
