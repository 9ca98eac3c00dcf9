from collections import Counter

import numpy as np
import pytest
from onnx_graphs import make_model, run

from dreamkeras.export.rewrites.channels_first import keep_channels_first
from dreamkeras.export.rewrites.graph import make_node

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(4, 4, 1, 3)).astype(np.float32)
CHANNELS = RANDOM.normal(size=4).astype(np.float32)
CONSTANTS = {
    "kernel": KERNEL,
    "one": np.array([1]),
    "two": np.array([2]),
    "minus": np.array([-3]),
    "ncl": CHANNELS[None, :, None],
    "nlc": CHANNELS,
    "scalar": np.float32(3),
}
X = RANDOM.normal(size=(2, 5, 4)).astype(np.float32)


def convolve(name, source):
    """Returns the nodes that tf2onnx writes for a convolution of (batch, length, channels) with the output `name`."""
    return [
        make_node("Unsqueeze", [source, "minus"], f"{name}_4"),
        make_node("Transpose", [f"{name}_4"], f"{name}_t", perm=[0, 3, 1, 2]),
        make_node("Conv", [f"{name}_t", "kernel"], f"{name}_c", pads=[0, 1, 0, 1]),
        make_node("Squeeze", [f"{name}_c", "two"], f"{name}_s"),
        make_node("Transpose", [f"{name}_s"], name, perm=[0, 2, 1]),
    ]


def kinds_after(nodes, *, inputs=(("x", ("batch", 5, 4)),), **arrays):
    """Counts the remaining nodes by operator, and checks that the outputs are the same."""
    model = make_model(nodes, CONSTANTS, inputs)
    rewritten = keep_channels_first(model)
    onnx.checker.check_model(rewritten, full_check=True)
    arrays = {"x": X, **arrays}
    np.testing.assert_allclose(run(rewritten, **arrays), run(model, **arrays), rtol=1e-5, atol=1e-5)
    return Counter(node.op_type for node in rewritten.graph.node)


def test_consecutive_convolutions_change_layout_once():
    nodes = [*convolve("a", "x"), *convolve("b", "a"), *convolve("y", "b")]
    assert kinds_after(nodes) == {"Unsqueeze": 1, "Transpose": 2, "Conv": 3, "Squeeze": 1}


@pytest.mark.parametrize("kind", ["Relu", "Sigmoid"])
def test_an_activation_between_convolutions_is_channels_first(kind):
    nodes = [*convolve("a", "x"), make_node(kind, ["a"], "b"), *convolve("y", "b")]
    assert kinds_after(nodes)["Squeeze"] == 1


@pytest.mark.parametrize("constant", ["nlc", "scalar"])
def test_constants_are_converted_to_channels_first(constant):
    nodes = [*convolve("a", "x"), make_node("Mul", [constant, "a"], "b"), *convolve("y", "b")]
    assert kinds_after(nodes)["Squeeze"] == 1


def test_constants_of_channels_first_nodes_are_converted():
    nodes = [*convolve("a", "x"), make_node("Add", ["a_s", "ncl"], "b"), make_node("Transpose", ["b"], "c", perm=[0, 2, 1])]
    assert kinds_after([*nodes, *convolve("y", "c")])["Squeeze"] == 1


def test_channels_of_two_branches_are_concatenated_channels_first():
    nodes = [*convolve("a", "x"), *convolve("b", "x"), make_node("Concat", ["a", "b"], "y", axis=-1)]
    assert kinds_after(nodes)["Squeeze"] == 1


def test_concatenation_of_other_axes_is_unchanged():
    nodes = [*convolve("a", "x"), *convolve("b", "x"), make_node("Concat", ["a", "b"], "y", axis=1)]
    assert kinds_after(nodes)["Squeeze"] == 2


def test_a_gate_of_channels_is_converted_to_channels_first():
    nodes = [
        *convolve("a", "x"),
        make_node("ReduceMean", ["a", "one"], "mean", keepdims=0),
        make_node("Unsqueeze", ["mean", "one"], "gate"),
        make_node("Mul", ["a", "gate"], "b"),
        *convolve("y", "b"),
    ]
    assert kinds_after(nodes)["Squeeze"] == 1


def test_mean_over_the_length_is_converted_to_height_and_length():
    nodes = [*convolve("a", "x"), make_node("ReduceMean", ["a", "one"], "y", keepdims=0)]
    assert kinds_after(nodes) == {"Unsqueeze": 1, "Transpose": 1, "Conv": 1, "ReduceMean": 1}


@pytest.mark.parametrize(("axes", "keepdims"), [("two", 0), ("one", 1)])
def test_other_means_are_unchanged(axes, keepdims):
    nodes = [*convolve("a", "x"), make_node("ReduceMean", ["a", axes], "y", keepdims=keepdims)]
    assert kinds_after(nodes)["Squeeze"] == 1


def test_other_operations_keep_their_layout():
    nodes = [*convolve("a", "x"), make_node("Softmax", ["a"], "b", axis=1), make_node("Add", ["a", "b"], "y")]
    assert kinds_after(nodes)["Softmax"] == 1


def test_a_graph_that_would_need_more_transposes_is_unchanged():
    nodes = [*convolve("a", "x"), make_node("Add", ["a", "x"], "b"), make_node("Softmax", ["b"], "c", axis=2)]
    nodes += [make_node("Mul", ["b", "c"], "d"), make_node("Softmax", ["d"], "e", axis=2), make_node("Mul", ["d", "e"], "y")]
    assert kinds_after(nodes)["Transpose"] == 2


def test_a_tensor_with_fewer_axes_is_unchanged():
    nodes = [*convolve("a", "x"), make_node("Add", ["a", "z"], "y")]
    arrays = {"z": RANDOM.normal(size=(5, 4)).astype(np.float32)}
    assert kinds_after(nodes, inputs=(("x", ("batch", 5, 4)), ("z", (5, 4))), **arrays)["Squeeze"] == 1


def test_channels_first_output_keeps_its_name():
    nodes = [*convolve("a", "x"), make_node("Relu", ["a_c"], "y")]
    assert kinds_after(nodes)["Identity"] == 1


def test_two_dimensional_convolutions_are_unchanged():
    nodes = [make_node("Conv", ["x", "kernel"], "a", pads=[0, 1, 0, 1]), make_node("Transpose", ["a"], "y", perm=[0, 2, 3, 1])]
    x = RANDOM.normal(size=(2, 4, 3, 5)).astype(np.float32)
    assert kinds_after(nodes, inputs=(("x", ("batch", 4, 3, 5)),), x=x) == {"Conv": 1, "Transpose": 1}
