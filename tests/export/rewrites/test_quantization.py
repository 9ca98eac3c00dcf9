"""Eight bits beside float32, on graphs written by hand."""

import logging

import numpy as np
import pytest
from onnx_graphs import make_model, run

from dreamkeras.errors import ModelError
from dreamkeras.export.rewrites.graph import make_node
from dreamkeras.export.rewrites.quantization import to_int8

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

LENGTH = 24
LETTERS = np.random.default_rng(1).choice(np.frombuffer(b"ACGT", np.uint8), (100, LENGTH))


def network(kind="Conv"):
    """letters -> rows of a table -> a dense and a grouped convolution, or none -> mean over the length."""
    random = np.random.default_rng(0)
    constants = {
        "table": random.normal(size=(256, 4)),
        "dense": random.normal(size=(6, 4, 1, 5)),
        "grouped": random.normal(size=(6, 1, 1, 3)),
        "axes": np.array([2, 3]),
        "height": np.array([2]),
    }
    constants = {name: array.astype(np.float32 if array.dtype == float else np.int64) for name, array in constants.items()}
    nodes = [
        make_node("Cast", ["letters"], "codes", to=onnx.TensorProto.INT32),
        make_node("Gather", ["table", "codes"], "rows", axis=0),
        make_node("Transpose", ["rows"], "channels", perm=[0, 2, 1]),
        make_node("Unsqueeze", ["channels", "height"], "picture"),
    ]
    if kind == "Conv":
        nodes += [
            make_node("Conv", ["picture", "dense"], "features", pads=[0, 2, 0, 2]),
            make_node("Relu", ["features"], "positive"),
            make_node("Conv", ["positive", "grouped"], "last", pads=[0, 1, 0, 1], group=6),
        ]
    nodes.append(make_node("ReduceMean", ["last" if kind == "Conv" else "picture", "axes"], "y", keepdims=0))
    model = make_model(nodes, constants, [("letters", ("batch", LENGTH))])
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    return model


@pytest.fixture(scope="module")
def quantized():
    return to_int8(network(), LETTERS)


def test_answers_are_close_on_windows_that_no_scale_was_measured_on(quantized):
    letters = np.random.default_rng(2).choice(np.frombuffer(b"ACGT", np.uint8), (50, LENGTH))
    wanted, came = run(network(), letters=letters), run(quantized, letters=letters)
    assert 0 < np.abs(came - wanted).max() < 0.02 * np.ptp(wanted)


def test_the_dense_convolution_alone_holds_eight_bits(quantized):
    onnx.checker.check_model(quantized, full_check=True)
    constants = {tensor.name: tensor for tensor in quantized.graph.initializer}
    eight = {name for name, tensor in constants.items() if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4}
    assert len(eight) == 1
    assert constants["grouped"].data_type == onnx.TensorProto.FLOAT
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in quantized.graph.node}
    assert [(tensor.name, tensor.type.tensor_type.elem_type) for tensor in quantized.graph.input] == [("letters", onnx.TensorProto.UINT8)]


def test_each_filter_has_a_scale_of_its_own(quantized):
    sizes = {tuple(tensor.dims) for tensor in quantized.graph.initializer if tensor.name.endswith("_scale")}
    assert (6,) in sizes


def test_model_stays_as_it_is_and_nothing_is_said(caplog, capfd):
    model = network()
    before, level = model.SerializeToString(), logging.root.manager.disable
    to_int8(model, LETTERS[:32])
    assert model.SerializeToString() == before
    assert (caplog.records, capfd.readouterr(), logging.root.manager.disable) == ([], ("", ""), level)


def test_a_model_without_dense_convolutions_is_refused():
    with pytest.raises(ModelError, match="Expected a model with dense convolutions to compute in int8, got one without"):
        to_int8(network("mean"), LETTERS)
