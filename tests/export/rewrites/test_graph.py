import numpy as np
import pytest
from onnx_graphs import make_model, run

from dreamkeras.export.rewrites.graph import Graph, attributes, make_node

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def model():
    nodes = [make_node("Add", ["x", "c"], "a"), make_node("Neg", ["x"], "unused"), make_node("Mul", ["a", "a"], "y")]
    return make_model(nodes, {"c": np.float32([1]), "d": np.float32([2])})


def test_to_model_removes_unused_nodes_and_constants(model):
    again = Graph(model).to_model()
    assert [node.op_type for node in again.graph.node] == ["Add", "Mul"]
    assert [tensor.name for tensor in again.graph.initializer] == ["c"]
    onnx.checker.check_model(again, full_check=True)
    x = np.ones((1, 2, 3), np.float32)
    np.testing.assert_array_equal(run(again, x=x), run(model, x=x))


def test_the_original_model_is_not_modified(model):
    before = model.SerializeToString()
    graph = Graph(model)
    graph.nodes[0].input[0] = "other"
    graph.nodes.clear()
    assert model.SerializeToString() == before


def test_users_counts_a_node_once(model):
    assert {name: [node.op_type for node in nodes] for name, nodes in Graph(model).users().items()} == {
        "x": ["Add", "Neg"],
        "c": ["Add"],
        "a": ["Mul"],
    }


def test_ranks_are_inferred(model):
    assert Graph(model).ranks()["a"] == 3


def test_an_existing_constant_is_kept(model):
    graph = Graph(model)
    assert graph.add_constant("new", [1, 2]) == "new"
    graph.add_constant("new", [3])
    assert graph.constants["new"].tolist() == [1, 2]


def test_attributes_are_returned():
    node = make_node("Transpose", ["x"], "y", perm=[0, 2, 1])
    assert (attributes(node), node.name) == ({"perm": [0, 2, 1]}, "y")
