import numpy as np
import pytest
from onnx_graphs import make_model, run

from dreamkeras.export.rewrites.graph import make_node
from dreamkeras.export.rewrites.half_precision import to_half_precision

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


def test_only_weights_are_float16(model):
    half = to_half_precision(model)
    onnx.checker.check_model(half, full_check=True)
    (weights,) = half.graph.initializer
    assert weights.data_type == onnx.TensorProto.FLOAT16
    assert half.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert half.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_predictions_are_close(model):
    x = np.ones((1, 2, 3), np.uint8)
    half = run(to_half_precision(model), x=x)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, run(model, x=x), atol=0.01)


def test_the_original_model_is_not_modified(model):
    before = model.SerializeToString()
    to_half_precision(model)
    assert model.SerializeToString() == before


def in_units(scale, offset):
    """Builds a model with a matrix product, a SiLU gate, a scale and offset, and the mean of two equal values."""
    weights = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    constants = {"w": weights, "scale": np.float32(scale), "offset": np.float32(offset), "two": np.float32(2), "one": np.float32(1)}
    nodes = [
        make_node("Cast", ["x"], "features", to=onnx.TensorProto.FLOAT),
        make_node("MatMul", ["features", "w"], "first"),
        make_node("Add", ["first", "one"], "more"),
        make_node("Sigmoid", ["more"], "gate"),
        make_node("Mul", ["more", "gate"], "values"),
        make_node("Mul", ["values", "scale"], "scaled"),
        make_node("Add", ["scaled", "offset"], "whole"),
        make_node("Add", ["whole", "whole"], "sum"),
        make_node("Div", ["sum", "two"], "y"),
    ]
    model = make_model(nodes, constants, [("x", ("batch", 3))])
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    return model


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0), (3e5, 1e6), (1e9, -1e9), (1, 1e6)])
def test_scale_and_offset_of_any_size_are_kept(scale, offset):
    model, x = in_units(scale, offset), np.random.default_rng(1).integers(0, 4, (20, 3)).astype(np.uint8)
    half = to_half_precision(model)
    onnx.checker.check_model(half, full_check=True)
    np.testing.assert_allclose(run(half, x=x) - offset, run(model, x=x) - offset, atol=0.02 * scale + abs(offset) * 1e-6)
    kinds = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    assert [kinds.get(name) for name in ("w", "float32/scale", "float32/offset")] == [
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT,
    ]


def test_a_model_of_only_linear_operators_stays_float32():
    model = make_model([make_node("Mul", ["x", "two"], "y")], {"two": np.float32(2)}, [("x", ("batch", 3))])
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(run(to_half_precision(model), x=x), 2 * x)
