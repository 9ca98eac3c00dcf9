import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.tensors import InferRequest, TensorSpec
from dreamkeras.serving.protocol.v2 import read_request, write_response
from dreamkeras.serving.settings import Settings

INPUTS = (
    TensorSpec("sequences", "BYTES", (-1, 1)),
    TensorSpec("sequences", "BYTES", (-1,)),
    TensorSpec("letters", "UINT8", (-1, 12)),
)
OUTPUTS = (TensorSpec("expression", "FP32", (-1, 2)), TensorSpec("sd", "FP32", (-1, 2)))
ALL_BINARY, ALL_JSON = ([(spec.name, binary) for spec in OUTPUTS] for binary in (True, False))
WINDOWS = np.frombuffer(b"ACGTACGTNNNNGGGGNNNNNNNN", np.uint8).reshape(2, 12)
TEXTS = [b"ACGT", b"GG"]


def read(body, header_length=None, **limits):
    return read_request(body, header_length, INPUTS, OUTPUTS, Settings(**limits))


def body_of(data=None, *, name="sequences", datatype="BYTES", shape=(2,), own=None, **request):
    """Returns JSON with one input."""
    tensor = {"name": name, "datatype": datatype, "shape": list(shape)}
    tensor |= {} if data is None else {"data": data}
    tensor |= {} if own is None else {"parameters": own}
    return json.dumps({"inputs": [tensor], **request}).encode()


def refused(body, header_length=None):
    with pytest.raises(ProtocolError) as caught:
        read(body, header_length)
    assert caught.value.status == 400
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestNvidiasClient:
    @pytest.fixture
    def client(self):
        return pytest.importorskip("tritonclient.http")

    @pytest.mark.parametrize("binary", [True, False])
    @pytest.mark.parametrize("shape", [(2,), (2, 1)])
    def test_strings_of_the_client_are_read(self, client, shape, binary):
        tensor = client.InferInput("sequences", shape, "BYTES")
        tensor.set_data_from_numpy(np.array(TEXTS, object).reshape(shape), binary_data=binary)
        body, length = client.InferenceServerClient.generate_request_body([tensor], request_id="mine")
        request = read(body, length)
        assert request == InferRequest("mine", "sequences", TEXTS, ALL_BINARY, {"binary_data_output": True})

    @pytest.mark.parametrize("binary", [True, False])
    def test_letters_of_the_client_are_read(self, client, binary):
        tensor = client.InferInput("letters", (2, 12), "UINT8")
        tensor.set_data_from_numpy(WINDOWS, binary_data=binary)
        body, length = client.InferenceServerClient.generate_request_body([tensor], priority=2, timeout=5)
        request = read(body, length)
        np.testing.assert_array_equal(request.tensor, WINDOWS)
        assert (request.id, request.parameters) == (None, {"priority": 2, "timeout": 5, "binary_data_output": True})
        assert request.tensor.flags.owndata is False

    @pytest.mark.parametrize("which", [ALL_BINARY, ALL_JSON, [("sd", True), ("expression", False)], [("sd", False)]])
    def test_client_can_read_the_answers(self, client, which):
        answers = {"expression": np.array([[1.5, -2], [np.nan, 1e-30]], np.float32), "sd": np.float32([[0, 1], [2, 3]])}
        body, length = write_response("toy", "3", InferRequest("mine", "sequences", TEXTS, which, {}), answers)
        assert (length is None) is not any(binary for _, binary in which)
        result = client.InferenceServerClient.parse_response_body(body, header_length=length)
        assert [output["name"] for output in result.get_response()["outputs"]] == [name for name, _ in which]
        assert [result.get_response()[key] for key in ("id", "model_name", "model_version")] == ["mine", "toy", "3"]
        for name, _ in which:
            np.testing.assert_array_equal(result.as_numpy(name), answers[name])


class TestOutputs:
    @pytest.mark.parametrize(
        ("request_fields", "outputs"),
        [
            ({}, ALL_JSON),
            ({"outputs": []}, ALL_JSON),
            ({"parameters": {"binary_data_output": True}}, ALL_BINARY),
            ({"outputs": [{"name": "sd"}]}, [("sd", False)]),
            ({"outputs": [{"name": "sd"}], "parameters": {"binary_data_output": True}}, [("sd", True)]),
            (
                {"outputs": [{"name": "sd", "parameters": {"binary_data": False}}], "parameters": {"binary_data_output": True}},
                [("sd", False)],
            ),
            ({"outputs": [{"name": "sd"}, {"name": "expression"}, {"name": "sd"}]}, [("sd", False), ("expression", False)]),
        ],
    )
    def test_all_outputs_or_the_named_outputs_are_returned(self, request_fields, outputs):
        assert read(body_of(["A", "C"], **request_fields)).outputs == outputs

    @pytest.mark.parametrize(
        "request_fields",
        [
            {"outputs": [{"name": "profile"}]},
            {"outputs": [{}]},
            {"outputs": ["sd"]},
            {"outputs": {}},
            {"outputs": [{"name": "sd", "parameters": {"binary_data": 1}}]},
            {"outputs": [{"name": "sd", "parameters": {"classification": 1}}]},
            {"outputs": [{"name": "sd", "parameters": {"shared_memory_region": "r"}}]},
            {"parameters": {"binary_data_output": "yes"}},
            {"parameters": []},
            {"id": 7},
        ],
    )
    def test_malformed_outputs_and_parameters_are_refused(self, request_fields):
        assert refused(body_of(["A", "C"], **request_fields)).startswith(("Expected ", "Cannot use "))


class TestInputs:
    @pytest.mark.parametrize("data", [["ACGT", "GG"], [["ACGT"], ["GG"]]])
    def test_json_may_be_flat_or_nested(self, data):
        assert read(body_of(data, shape=(2, 1)))[1:3] == ("sequences", TEXTS)
        for windows in (WINDOWS.tolist(), WINDOWS.ravel().tolist()):
            request = read(body_of(windows, name="letters", datatype="UINT8", shape=(2, 12)))
            np.testing.assert_array_equal(request.tensor, WINDOWS)

    def test_strings_are_utf_8_and_lone_surrogates_become_question_marks(self):
        assert read(body_of(["é", "\ud800"])).tensor == ["é".encode(), b"?"]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"{}", "Expected 'inputs' of the request to be a JSON array, got none."),
            (b'{"inputs": []}', "Expected one input, 'sequences' or 'letters', got none."),
            (b'{"inputs": [7]}', "Expected 'inputs' of the request to contain JSON objects only"),
            (b'{"inputs": [{"name": 7}]}', "Expected 'name' of an input to be a JSON string, got int."),
            (body_of(["A"], shape=(2,)), r"Expected 2 elements in 'data' of input 'sequences' with shape [2], got 1."),
            (body_of(["A", 7]), "Expected strings in 'data' of input 'sequences', got int."),
            (body_of([["A"], "C"], shape=(2, 1)), "Expected strings in 'data' of input 'sequences', got list."),
            (body_of("AC"), "Expected 'data' of input 'sequences' to be a JSON array, got str."),
            (body_of(), "Expected either 'data' or 'binary_data_size' in input 'sequences', got neither."),
            (body_of(["A", "C"], own={"binary_data_size": 9}), "in input 'sequences', got both."),
            (
                body_of(own={"binary_data_size": 9}),
                "Header Inference-Header-Content-Length is missing: input 'sequences' has 'binary_data_size'.",
            ),
            (body_of(["A", "C"], own={"shared_memory_region": "r"}), "shared memory is not supported"),
            (body_of(["A", "C"], shape=(2.0,)), "Expected 'shape' of input 'sequences' to contain non-negative integers, got [2.0]."),
            (body_of(["A", "C"], shape=(True,)), "non-negative integers, got [true]."),
            (body_of([1.0] * 12, name="letters", datatype="FP16", shape=(1, 12)), "as UINT8 [batch, 12], got FP16 [1, 12]."),
            (body_of([256] * 12, name="letters", datatype="UINT8", shape=(1, 12)), "Expected only numbers from 0 to 255"),
            (
                body_of([True] * 12, name="letters", datatype="UINT8", shape=(1, 12)),
                "Expected integers in 'data' of input 'letters', got bool.",
            ),
        ],
    )
    def test_malformed_inputs_are_refused(self, body, message):
        assert message in refused(body)


class TestBinaryData:
    HEAD = body_of(name="letters", datatype="UINT8", shape=(2, 12), own={"binary_data_size": 24})

    def test_binary_data_follow_the_json(self):
        request = read(self.HEAD + WINDOWS.tobytes(), len(self.HEAD))
        np.testing.assert_array_equal(request.tensor, WINDOWS)

    @pytest.mark.parametrize(("data", "beyond"), [(b"", 0), (bytes(23), 0), (bytes(25), 0), (bytes(24), 25), (bytes(24), -1)])
    def test_wrong_number_of_bytes_is_refused(self, data, beyond):
        assert refused(self.HEAD + data, len(self.HEAD) + beyond).startswith("Expected ")

    def test_binary_data_after_json_data_are_refused(self):
        body = body_of(["A", "C"])
        assert read(body, len(body)).tensor == [b"A", b"C"]
        assert refused(body + b"x", len(body)) == "Expected no binary data in addition to 'data' of input 'sequences', got 1 bytes."

    @pytest.mark.parametrize("data", [struct.pack("<I", 4) + b"ACGT", b"ACGTACGTNNNN"])
    def test_raw_requests_get_all_outputs_as_binary_data(self, data):
        request = read(data, 0)
        assert (request.id, request.outputs, request.parameters) == (None, ALL_BINARY, {})


def test_nan_and_infinities_are_null_in_json():
    values = np.array([[np.inf, np.nan, 0.1]], np.float32)
    body, length = write_response("toy", "1", InferRequest(None, "sequences", TEXTS, [("x", False)], {}), {"x": values})
    (output,) = json.loads(body)["outputs"]
    assert (length, output) == (None, {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [None, None, float(np.float32(0.1))]})


@given(st.binary(max_size=60), st.none() | st.integers(-5, 70))
def test_any_bytes_are_a_request_or_refused(body, header_length):
    with contextlib.suppress(ProtocolError):
        assert read(body, header_length).input_name in {"sequences", "letters"}
