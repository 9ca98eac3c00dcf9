import numpy as np
import pytest
from onnx_graphs import make_model, run

from dreamkeras.export.rewrites.folding import fold_into_convolutions
from dreamkeras.export.rewrites.graph import make_node

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

RANDOM = np.random.default_rng(0)
CONSTANTS = {
    "kernel": RANDOM.normal(size=(6, 2, 1, 3)).astype(np.float32),
    "bias": RANDOM.normal(size=6).astype(np.float32),
    "scale": RANDOM.normal(size=(1, 6, 1, 1)).astype(np.float32),
    "shift": RANDOM.normal(size=(1, 6, 1, 1)).astype(np.float32),
    "places": RANDOM.normal(size=(1, 1, 1, 5)).astype(np.float32),
    "two": np.float32(2),
}
X = RANDOM.normal(size=(2, 4, 1, 5)).astype(np.float32)


def fold(*followers, bias=()):
    """Folds the given nodes into a grouped convolution, checks that the outputs are the same, and returns the remaining operators.

    The convolution has the output "c", and the last node the output "y".
    """
    convolution = make_node("Conv", ["x", "kernel", *bias], "c", pads=[0, 1, 0, 1], group=2)
    model = make_model([convolution, *followers], CONSTANTS, [("x", ("batch", 4, 1, 5))])
    folded = fold_into_convolutions(model)
    onnx.checker.check_model(folded, full_check=True)
    np.testing.assert_allclose(run(folded, x=X), run(model, x=X), rtol=1e-4, atol=1e-5)
    return [node.op_type for node in folded.graph.node]


@pytest.mark.parametrize("bias", [(), ("bias",)], ids=["no bias", "bias"])
def test_scale_and_shift_are_folded(bias):
    assert fold(make_node("Mul", ["c", "scale"], "m"), make_node("Add", ["shift", "m"], "y"), bias=bias) == ["Conv"]


def test_order_does_not_matter():
    assert fold(make_node("Add", ["c", "shift"], "a"), make_node("Mul", ["two", "a"], "y")) == ["Conv"]


def test_a_following_activation_is_kept():
    assert fold(make_node("Add", ["c", "shift"], "a"), make_node("Relu", ["a"], "y")) == ["Conv", "Relu"]


def test_an_output_with_two_readers_is_kept():
    assert fold(make_node("Mul", ["c", "scale"], "m"), make_node("Add", ["c", "m"], "y")) == ["Conv", "Mul", "Add"]


def test_a_scale_by_position_is_kept():
    assert fold(make_node("Mul", ["c", "places"], "y")) == ["Conv", "Mul"]


def test_a_square_is_kept():
    assert fold(make_node("Mul", ["c", "c"], "y")) == ["Conv", "Mul"]


def test_a_shared_kernel_is_folded_separately_for_each_convolution():
    pads = {"pads": [0, 1, 0, 1], "group": 2}
    nodes = [
        make_node("Conv", ["x", "kernel"], "c", **pads),
        make_node("Conv", ["x", "kernel"], "d", **pads),
        make_node("Mul", ["c", "scale"], "m"),
        make_node("Add", ["m", "d"], "y"),
    ]
    model = make_model(nodes, CONSTANTS, [("x", ("batch", 4, 1, 5))])
    folded = fold_into_convolutions(model)
    assert [node.op_type for node in folded.graph.node] == ["Conv", "Conv", "Add"]
    np.testing.assert_allclose(run(folded, x=X), run(model, x=X), rtol=1e-4, atol=1e-5)
