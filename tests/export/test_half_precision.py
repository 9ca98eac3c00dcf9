import numpy as np
import pytest
from onnx_graphs import make_model, run

from dreamkeras.export.graph import make_node
from dreamkeras.export.half_precision import to_half_precision

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def model():
    weights = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    weights[0, 0] = 1e-12  # too small for float16
    nodes = [make_node("Cast", ["x"], "features", to=onnx.TensorProto.FLOAT), make_node("MatMul", ["features", "w"], "y")]
    model = make_model(nodes, {"w": weights}, [("x", ("batch", 2, 3))])
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    return model


def test_weights_are_half_inputs_and_outputs_are_not(model):
    half = to_half_precision(model)
    onnx.checker.check_model(half, full_check=True)
    (weights,) = half.graph.initializer
    assert weights.data_type == onnx.TensorProto.FLOAT16
    assert half.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert half.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_answers_are_close(model):
    x = np.ones((1, 2, 3), np.uint8)
    half = run(to_half_precision(model), x=x)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, run(model, x=x), atol=0.01)


def test_model_stays_as_it_is(model):
    before = model.SerializeToString()
    to_half_precision(model)
    assert model.SerializeToString() == before
