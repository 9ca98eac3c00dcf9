import numpy as np
import pytest

from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.tensors import TensorSpec
from dreamkeras.serving.settings import Settings

triton = pytest.importorskip("tritonclient.grpc")

from tritonclient.grpc import service_pb2 as messages  # noqa: E402

from dreamkeras.serving.protocol.grpc_messages import parameter_values, read_message, write_message  # noqa: E402

INPUTS = (
    TensorSpec("sequences", "BYTES", (-1, 1)),
    TensorSpec("sequences", "BYTES", (-1,)),
    TensorSpec("letters", "UINT8", (-1, 12)),
)
OUTPUTS = (TensorSpec("expression", "FP32", (-1, 2)), TensorSpec("sd", "FP32", (-1, 2)))
WINDOWS = np.frombuffer(b"ACGTACGTNNNNGGGGNNNNNNNN", np.uint8).reshape(2, 12)


def read(message, **limits):
    return read_message(message, INPUTS, OUTPUTS, Settings(**limits))


def message_of(name="sequences", datatype="BYTES", shape=(2,), raw=(), outputs=(), **contents):
    """Returns a request with one input."""
    message = messages.ModelInferRequest(raw_input_contents=raw)
    tensor = message.inputs.add(name=name, datatype=datatype, shape=shape)
    for field, values in contents.items():
        getattr(tensor.contents, field).extend(values)
    for output in outputs:
        message.outputs.add(name=output)
    return message


def letters(**fields):
    return message_of("letters", "UINT8", (2, 12), **fields)


class TestRead:
    @pytest.mark.parametrize("fields", [{"raw": [b"\2\0\0\0AC\1\0\0\0G"]}, {"bytes_contents": [b"AC", b"G"]}])
    @pytest.mark.parametrize("shape", [(2,), (2, 1)])
    def test_strings(self, fields, shape):
        request = read(message_of(shape=shape, **fields))
        assert request == (None, "sequences", [b"AC", b"G"], [("expression", True), ("sd", True)], {})

    @pytest.mark.parametrize("fields", [{"raw": [WINDOWS.tobytes()]}, {"uint_contents": WINDOWS.ravel().tolist()}])
    def test_letters(self, fields):
        np.testing.assert_array_equal(read(letters(**fields)).tensor, WINDOWS)

    def test_id_outputs_and_parameters(self):
        message = message_of(bytes_contents=[b"A", b"C"], outputs=["sd", "sd"])
        message.id = "mine"
        message.parameters["timeout"].int64_param = 5
        message.parameters["priority"].uint64_param = 2
        message.parameters["who"].string_param = "me"
        request = read(message)
        assert (request.id, request.outputs, request.parameters) == ("mine", [("sd", True)], {"timeout": 5, "priority": 2, "who": "me"})

    @pytest.mark.parametrize(
        ("message", "text"),
        [
            (messages.ModelInferRequest(), "Expected one input, 'sequences' or 'letters', got none."),
            (message_of(), "Expected 2 elements of input 'sequences' with shape [2], got 0."),
            (message_of(bytes_contents=[b"A"]), "Expected 2 elements of input 'sequences' with shape [2], got 1."),
            (message_of(bytes_contents=[b"A", b"C"], raw=[b"x"]), "either as one raw tensor or in the field 'contents', got both"),
            (message_of(raw=[b"x", b"y"]), "either as one raw tensor or in the field 'contents', got 2 raw tensors"),
            (message_of(int_contents=[1, 2]), "Expected the elements of input 'sequences' in bytes_contents, got int_contents."),
            (message_of(raw=[b"x"]), "String 0 of input 'sequences' is truncated"),
            (message_of(bytes_contents=[b"A", b"C"], outputs=["profile"]), "Expected output 'expression' or 'sd', got 'profile'."),
            (letters(uint_contents=[65] * 23 + [256]), "Expected only numbers from 0 to 255 in input 'letters'."),
            (letters(int_contents=[65] * 24), "Expected the elements of input 'letters' in uint_contents, got int_contents."),
            (letters(raw=[bytes(25)]), "Expected 24 bytes of input 'letters' with shape [2, 12], got 25."),
            (message_of("letters", "FP16", (2, 12)), "Expected input 'letters' as UINT8 [batch, 12], got FP16 [2, 12]."),
            (message_of(shape=(-3,)), "Expected 1 to 8192 rows"),
        ],
    )
    def test_malformed_messages_are_refused(self, message, text):
        with pytest.raises(ProtocolError) as caught:
            read(message)
        assert (caught.value.status, text in str(caught.value)) == (400, True)

    def test_more_rows_than_allowed_are_refused(self):
        with pytest.raises(ProtocolError, match="Expected 1 to 1 rows in input 'letters', got 2"):
            read(letters(raw=[WINDOWS.tobytes()]), rows=1)

    def test_a_parameter_without_a_value_is_refused(self):
        message = messages.ModelInferRequest()
        message.parameters["who"].SetInParent()
        with pytest.raises(ProtocolError, match="Parameter 'who' has no value"):
            parameter_values(message.parameters)

    @pytest.mark.parametrize(("side", "name"), [("inputs", "shared_memory_region"), ("outputs", "classification")])
    def test_parameters_that_only_triton_supports_are_refused(self, side, name):
        message = message_of(bytes_contents=[b"A", b"C"], outputs=["sd"])
        getattr(message, side)[0].parameters[name].string_param = "x"
        with pytest.raises(ProtocolError, match="is not supported"):
            read(message)


def test_nvidias_client_can_read_the_answers():
    answers = {"expression": np.array([[1.5, -2], [np.nan, 1e-30]], np.float32), "sd": np.float32([[0, 1], [2, 3]])}
    request = read(message_of(bytes_contents=[b"A", b"C"]))._replace(id="mine")
    result = triton.InferResult(write_message("toy", "3", request, answers))
    assert [getattr(result.get_response(), field) for field in ("model_name", "model_version", "id")] == ["toy", "3", "mine"]
    for name, values in answers.items():
        np.testing.assert_array_equal(result.as_numpy(name), values)
