"""Quantisation to int8, compared with float32 on small graphs."""

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
    """Builds a graph: letters -> rows of a table -> for `"Conv"`, a dense and a grouped convolution -> mean over the length."""
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


def test_predictions_are_close_on_other_windows(quantized):
    letters = np.random.default_rng(2).choice(np.frombuffer(b"ACGT", np.uint8), (50, LENGTH))
    wanted, came = run(network(), letters=letters), run(quantized, letters=letters)
    assert 0 < np.abs(came - wanted).max() < 0.02 * np.ptp(wanted)


def test_only_the_dense_convolution_is_int8(quantized):
    onnx.checker.check_model(quantized, full_check=True)
    constants = {tensor.name: tensor for tensor in quantized.graph.initializer}
    eight = {name for name, tensor in constants.items() if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4}
    assert len(eight) == 1
    assert constants["grouped"].data_type == onnx.TensorProto.FLOAT
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in quantized.graph.node}
    assert [(tensor.name, tensor.type.tensor_type.elem_type) for tensor in quantized.graph.input] == [("letters", onnx.TensorProto.UINT8)]


def test_each_filter_has_a_separate_scale(quantized):
    sizes = {tuple(tensor.dims) for tensor in quantized.graph.initializer if tensor.name.endswith("_scale")}
    assert (6,) in sizes


def test_the_original_model_is_not_modified_and_nothing_is_logged(caplog, capfd):
    model = network()
    before, level = model.SerializeToString(), logging.root.manager.disable
    to_int8(model, LETTERS[:32])
    assert model.SerializeToString() == before
    assert (caplog.records, capfd.readouterr(), logging.root.manager.disable) == ([], ("", ""), level)


def test_a_model_without_dense_convolutions_is_rejected():
    with pytest.raises(ModelError, match="The model has no dense convolutions to convert to int8"):
        to_int8(network("mean"), LETTERS)
