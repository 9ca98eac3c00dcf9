"""Graph: an ONNX graph in a form that can be edited and converted back to a model.

The package onnx is imported only when it is used.
"""

from collections import defaultdict
from typing import Any

import numpy as np

__all__ = ["Graph", "attributes", "make_node"]


class Graph:
    """The nodes and constants of an ONNX model, which can be edited.

    Args:
        model: The `onnx.ModelProto`. `Graph` copies it.

    Attributes:
        nodes: Nodes in topological order.
        constants: Arrays by tensor name.
        outputs: Names of the graph's outputs.
    """

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self._model = type(model).FromString(model.SerializeToString())
        self.nodes = list(self._model.graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self._model.graph.initializer}
        self.outputs = [output.name for output in self._model.graph.output]

    def users(self) -> dict[str, list[Any]]:
        """Returns a dictionary that maps the name of each tensor to the nodes that read the tensor."""
        users = defaultdict(list)
        for node in self.nodes:
            for name in set(node.input):
                users[name].append(node)
        return users

    def ranks(self) -> dict[str, int]:
        """Returns the number of dimensions of each tensor for which shape inference finds a shape."""
        from onnx import shape_inference

        graph = shape_inference.infer_shapes(self._model).graph
        known = (value for value in (*graph.value_info, *graph.input) if value.type.tensor_type.HasField("shape"))
        return {value.name: len(value.type.tensor_type.shape.dim) for value in known}

    def add_constant(self, name: str, values: Any) -> str:
        """Adds an array as a constant, unless a constant with this name exists, and returns the name."""
        self.constants.setdefault(name, np.asarray(values))
        return name

    def to_model(self) -> Any:
        """Returns the edited graph as an `onnx.ModelProto`, without nodes and constants on which no output depends."""
        from onnx import numpy_helper

        needed, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        model = type(self._model).FromString(self._model.SerializeToString())
        graph = model.graph
        for field in (graph.node, graph.initializer, graph.value_info):
            del field[:]
        graph.node.extend(reversed(kept))
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in self.constants.items() if name in needed)
        return model


def make_node(kind: str, inputs: list[str], output: str, **fields: Any) -> Any:
    """Creates a node with one output and names it after the output."""
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=output, **fields)


def attributes(node: Any) -> dict[str, Any]:
    """Returns the attributes of a node as Python values."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
