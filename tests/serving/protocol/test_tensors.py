import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.tensors import (
    TensorSpec,
    check_input,
    check_one_input,
    check_output,
    check_parameters,
    decode_letters,
    decode_tensor,
    raw_tensor,
)

COLUMN, LIST = TensorSpec("sequences", "BYTES", (-1, 1)), TensorSpec("sequences", "BYTES", (-1,))
LETTERS = TensorSpec("letters", "UINT8", (-1, 12))
INPUTS = (COLUMN, LIST, LETTERS)
ROWS = 100


def pack(*texts):
    """Returns strings in the binary format of the protocol."""
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def refused(function, *args):
    """Returns the message of a `ProtocolError`, which must be one line with status 400."""
    with pytest.raises(ProtocolError) as caught:
        function(*args)
    assert caught.value.status == 400
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestSpec:
    @pytest.mark.parametrize(
        ("spec", "shape", "fits"),
        [
            (LIST, [3], True),
            (LIST, [3, 1], False),
            (COLUMN, [3, 1], True),
            (COLUMN, [3, 2], False),
            (LETTERS, [3, 12], True),
            (LIST, [], False),
        ],
    )
    def test_open_dimensions_accept_any_size(self, spec, shape, fits):
        assert spec.fits(shape) is fits

    def test_str_shows_datatype_and_shape(self):
        assert (str(LETTERS), str(LIST)) == ("UINT8 [batch, 12]", "BYTES [batch]")


class TestInput:
    @pytest.mark.parametrize(
        ("name", "datatype", "shape"), [("sequences", "BYTES", [5]), ("sequences", "BYTES", [5, 1]), ("letters", "UINT8", [100, 12])]
    )
    def test_a_name_may_have_several_shapes(self, name, datatype, shape):
        check_input(name, datatype, shape, {"binary_data_size": 5}, INPUTS, ROWS)

    @pytest.mark.parametrize(
        ("name", "datatype", "shape", "message"),
        [
            ("promoters", "BYTES", [5], "Expected input 'sequences' or 'letters', got 'promoters'."),
            ("letters", "FP16", [5, 12], "Expected input 'letters' as UINT8 [batch, 12], got FP16 [5, 12]."),
            ("letters", "UINT8", [5, 13], "Expected input 'letters' as UINT8 [batch, 12], got UINT8 [5, 13]."),
            ("sequences", "BYTES", [], "Expected input 'sequences' as BYTES [batch, 1] or BYTES [batch], got BYTES []."),
            ("sequences", "BYTES", [0], "Expected 1 to 100 rows in input 'sequences', got 0."),
            ("sequences", "BYTES", [101], "Expected 1 to 100 rows in input 'sequences', got 101."),
            ("sequences", "BYTES", [-1], "Expected 1 to 100 rows in input 'sequences', got -1."),
            ("letters", "UINT8", [2**63, 12], "Expected 1 to 100 rows in input 'letters', got 9223372036854775808."),
        ],
    )
    def test_tensors_that_match_no_input_are_refused(self, name, datatype, shape, message):
        assert refused(check_input, name, datatype, shape, {}, INPUTS, ROWS) == message


class TestWholeRequests:
    def test_one_input_is_accepted(self):
        check_one_input(["letters"], INPUTS)

    @pytest.mark.parametrize(
        ("names", "came"),
        [([], "none"), (["sequences", "letters"], "'sequences' and 'letters'"), (["letters", "letters"], "'letters' and 'letters'")],
    )
    def test_no_input_or_several_inputs_are_refused(self, names, came):
        assert refused(check_one_input, names, INPUTS) == f"Expected one input, 'sequences' or 'letters', got {came}."

    def test_unknown_outputs_are_refused(self):
        outputs = (TensorSpec("expression", "FP32", (-1, 1)), TensorSpec("sd", "FP32", (-1, 1)))
        check_output("sd", {"binary_data": True}, outputs)
        assert refused(check_output, "profile", {}, outputs) == "Expected output 'expression' or 'sd', got 'profile'."

    def test_shared_memory_and_classification_are_refused(self):
        message = refused(check_input, "letters", "UINT8", [5, 12], {"shared_memory_region": "r"}, INPUTS, ROWS)
        assert message == "Cannot use 'shared_memory_region' with input 'letters': shared memory is not supported."
        message = refused(check_output, "letters", {"classification": 3}, INPUTS)
        assert message == "Cannot use 'classification' with output 'letters': classification is not supported."


class TestParameters:
    def test_strings_numbers_and_booleans_are_accepted(self):
        parameters = {"a": "x", "b": 1, "c": 0.5, "d": True, "timeout": 0, "priority": 3}
        assert check_parameters(parameters) is parameters

    @pytest.mark.parametrize(
        "parameters", [{"a": []}, {"a": None}, {"timeout": -1}, {"timeout": 0.5}, {"priority": True}, {"priority": "1"}]
    )
    def test_other_parameters_are_refused(self, parameters):
        with pytest.raises(ProtocolError, match="Expected parameter"):
            check_parameters(parameters)


class TestDecode:
    def test_numbers_are_a_view_of_the_bytes(self):
        data = bytearray(range(24))
        array = decode_tensor("letters", "UINT8", [2, 12], memoryview(data))
        data[13] = 99
        assert (array.shape, array.dtype, array[1, 1]) == ((2, 12), np.uint8, 99)

    @pytest.mark.parametrize("size", [0, 23, 25])
    def test_wrong_number_of_bytes_is_refused(self, size):
        message = refused(decode_tensor, "letters", "UINT8", [2, 12], memoryview(bytes(size)))
        assert message == f"Expected 24 bytes of input 'letters' with shape [2, 12], got {size}."

    @given(st.lists(st.binary(max_size=20), min_size=1, max_size=20))
    def test_strings_of_nvidias_serializer_are_decoded(self, texts):
        utils = pytest.importorskip("tritonclient.utils")
        packed = utils.serialize_byte_tensor(np.array(texts, object)).item()
        assert decode_tensor("sequences", "BYTES", [len(texts), 1], memoryview(packed)) == texts

    @pytest.mark.parametrize(
        ("data", "came"),
        [
            (pack(b"AC"), "got 1."),
            (pack(b"AC", b"G", b"T"), "got more."),
            (
                pack(b"AC", b"GT")[:-1],
                "String 1 of input 'sequences' is truncated: expected its length in 4 bytes, followed by that number of bytes.",
            ),
            (
                pack(b"AC") + b"\1\0\0",
                "String 1 of input 'sequences' is truncated: expected its length in 4 bytes, followed by that number of bytes.",
            ),
            (
                b"\xff\xff\xff\xffAC",
                "String 0 of input 'sequences' is truncated: expected its length in 4 bytes, followed by that number of bytes.",
            ),
            (b"", "got 0."),
        ],
    )
    def test_truncated_missing_and_extra_strings_are_refused(self, data, came):
        assert refused(decode_tensor, "sequences", "BYTES", [2], memoryview(data)).endswith(came)

    @given(st.binary(max_size=40), st.integers(0, 5))
    def test_any_bytes_are_strings_or_refused(self, data, count):
        try:
            texts = decode_tensor("sequences", "BYTES", [count], memoryview(data))
        except ProtocolError:
            return
        assert (pack(*texts), len(texts)) == (data, count)


def test_integers_from_0_to_255_are_letters():
    np.testing.assert_array_equal(decode_letters([65, 0, 255, 67], (2, 2), "input 'x'"), np.uint8([[65, 0], [255, 67]]))
    for wrong in (-1, 256):
        assert refused(decode_letters, [wrong], (1,), "input 'x'") == "Expected only numbers from 0 to 255 in input 'x'."


class TestRaw:
    @pytest.mark.parametrize(
        ("data", "name", "tensor"),
        [
            (pack(b"ACGT"), "sequences", [b"ACGT"]),
            (pack(b""), "sequences", [b""]),
            (b"ACGTACGTNNNN", "letters", np.frombuffer(b"ACGTACGTNNNN", np.uint8)[None]),
            (pack(b"ACGTACGT"), "sequences", [b"ACGTACGT"]),  # also 12 bytes, but not a window
        ],
    )
    def test_number_of_bytes_determines_the_input(self, data, name, tensor):
        found_name, found = raw_tensor(memoryview(data), INPUTS)
        assert found_name == name
        np.testing.assert_array_equal(found, tensor)

    @pytest.mark.parametrize("data", [b"", b"ACG", b"ACGTACGT", b"A" * 24, pack(b"ACGT") + b"A"])
    def test_bytes_that_match_no_input_are_refused(self, data):
        message = refused(raw_tensor, memoryview(data), INPUTS)
        assert message.startswith("Expected a raw request with one row of 'sequences' as BYTES [batch, 1] or ")
        assert message.endswith(f"got {len(data)} bytes.")
