import base64
import json
import math

import numpy as np
import pytest

from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.tensors import TensorSpec
from dreamkeras.serving.protocol.v1 import read_instances, write_predictions
from dreamkeras.serving.settings import Settings

INPUTS = [TensorSpec("sequences", "BYTES", (-1, 1)), TensorSpec("sequences", "BYTES", (-1,)), TensorSpec("letters", "UINT8", (-1, 4))]
OUTPUTS = [TensorSpec("expression", "FP32", (-1, 2))]
TWO = [*OUTPUTS, TensorSpec("sd", "FP32", (-1, 2))]


def read(fields, outputs=OUTPUTS, **limits):
    return read_instances(json.dumps(fields).encode(), INPUTS, outputs, Settings(**limits))


def refused(fields, **limits):
    with pytest.raises(ProtocolError) as caught:
        read(fields, **limits)
    return str(caught.value)


def encoded(text):
    return {"b64": base64.b64encode(text.encode()).decode()}


class TestReading:
    @pytest.mark.parametrize(
        "fields",
        [
            {"instances": ["ACGT", "GG"]},
            {"instances": [["ACGT"], ["GG"]]},
            {"instances": [{"sequences": "ACGT"}, {"sequences": "GG"}]},
            {"instances": [{"sequences": ["ACGT"]}, {"sequences": ["GG"]}]},
            {"instances": [encoded("ACGT"), encoded("GG")]},
            {"instances": [{"sequences": encoded("ACGT")}, {"sequences": encoded("GG")}]},
            {"instances": [[encoded("ACGT")], ["GG"]]},
            {"inputs": ["ACGT", "GG"]},
            {"inputs": {"sequences": ["ACGT", "GG"]}},
            {"inputs": {"sequences": [["ACGT"], ["GG"]]}, "signature_name": "serving_default"},
        ],
    )
    def test_sequences_in_every_form(self, fields):
        request = read(fields)
        assert (request.input_name, request.tensor) == ("sequences", [b"ACGT", b"GG"])
        assert request.outputs == [("expression", False)]

    @pytest.mark.parametrize(
        "fields",
        [
            {"instances": [[65, 67, 71, 84]]},
            {"instances": [{"letters": [65, 67, 71, 84]}]},
            {"inputs": [[65, 67, 71, 84]]},
            {"inputs": {"letters": [[65, 67, 71, 84]]}},
        ],
    )
    def test_windows_in_every_form(self, fields):
        request = read(fields)
        assert (request.input_name, request.tensor.tobytes(), request.tensor.shape) == ("letters", b"ACGT", (1, 4))

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({}, "Expected either 'instances' or 'inputs' in the request, got neither."),
            ({"instances": ["A"], "inputs": ["A"]}, "got both."),
            ({"instances": "ACGT"}, "Expected 'instances' of the request to be a JSON array, got str."),
            ({"instances": []}, "Expected sequences in 'instances' of the request, got an empty list."),
            ({"instances": [[]]}, "got an empty list."),
            ({"instances": [{"sequences": []}]}, "got an empty list."),
            ({"inputs": {"sequences": [[]]}}, "got an empty list."),
            ({"instances": ["A", []]}, "Expected strings in 'instances' of the request, got list."),
            ({"instances": [["A"], []]}, "Expected 2 elements in 'instances' of the request with shape [2, 1], got 1."),
            ({"inputs": {"sequences": []}}, "got an empty list."),
            ({"inputs": {}}, "Expected one input in 'inputs' of the request, got none."),
            ({"inputs": {"sequences": ["A"], "letters": [[1]]}}, "got 'sequences' and 'letters'."),
            ({"inputs": {"sequences": "A"}}, "Expected 'sequences' of 'inputs' to be a JSON array, got str."),
            ({"instances": ["A", 5]}, "Expected strings in 'instances' of the request, got int."),
            (
                {"instances": ["A", {"sequences": "C"}]},
                "one input, the same in all items of 'instances', got 'sequences' and an item without an input name.",
            ),
            ({"instances": [{"sequences": "A", "letters": [1]}]}, "Expected one input, the same in all items of 'instances'"),
            ({"instances": [{}]}, "Expected one input, the same in all items of 'instances', got none."),
            ({"instances": [{"dna": "A"}]}, "Expected input 'sequences'"),
            ({"instances": [{"letters": "A"}]}, "Expected input 'letters' as UINT8 [batch, 4], got BYTES [1]."),
            ({"instances": [[1, 2, 3]]}, "Expected input 'letters' as UINT8 [batch, 4], got UINT8 [1, 3]."),
            ({"instances": [[1, 2, 3, 4], [1, 2, 3]]}, "Expected 8 elements in 'instances' of the request with shape [2, 4], got 7."),
            ({"instances": [[1, 2, 3, 400]]}, "Expected only numbers from 0 to 255"),
            ({"instances": [{"b64": "!"}]}, "Expected base64 in 'b64', got '!'."),
            ({"instances": [{"b64": 5}]}, "Expected 'b64' of a string to be a JSON string, got int."),
            ({"instances": ["A"], "signature_name": "other"}, "Expected 'signature_name' 'serving_default', got 'other'."),
            ({"instances": [None]}, "Expected strings in 'instances' of the request, got NoneType."),
        ],
    )
    def test_malformed_requests_are_refused(self, fields, message):
        assert message in refused(fields)

    def test_number_of_rows_is_limited(self):
        assert refused({"instances": ["A"] * 11}, rows=10) == "Expected 1 to 10 rows in input 'sequences', got 11."


class TestAnswers:
    VALUES = np.array([[1, 2], [math.nan, 4]], np.float32)

    def test_one_output_is_one_list_per_row(self):
        text = write_predictions(read({"instances": ["A", "C"]}), {"expression": self.VALUES})
        assert json.loads(text) == {"predictions": [[1, 2], [None, 4]]}

    def test_several_outputs_are_one_object_per_row(self):
        text = write_predictions(read({"instances": ["A", "C"]}, TWO), {"expression": self.VALUES, "sd": self.VALUES})
        assert json.loads(text)["predictions"][0] == {"expression": [1, 2], "sd": [1, 2]}

    @pytest.mark.parametrize(
        ("outputs", "wanted"), [(OUTPUTS, [[1, 2], [None, 4]]), (TWO, {"expression": [[1, 2], [None, 4]], "sd": [[1, 2], [None, 4]]})]
    )
    def test_inputs_are_answered_by_outputs(self, outputs, wanted):
        text = write_predictions(read({"inputs": ["A", "C"]}, outputs), {spec.name: self.VALUES for spec in outputs})
        assert json.loads(text) == {"outputs": wanted}
