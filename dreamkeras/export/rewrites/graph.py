"""Graph: an ONNX graph taken apart for rewriting, and put together again.

Knows nothing about what is rewritten. Needs onnx, which is imported when it is used.
"""

from collections import defaultdict
from typing import Any

import numpy as np

__all__ = ["Graph", "attributes", "make_node"]


class Graph:
    """The nodes and constants of an ONNX model, free to be changed.

    Args:
        model: The `onnx.ModelProto`; `Graph` works on a copy.

    Attributes:
        nodes: In an order in which they can be computed.
        constants: Arrays by the name of the tensor.
        outputs: Names of the graph's outputs.
    """

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self._model = type(model).FromString(model.SerializeToString())
        self.nodes = list(self._model.graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self._model.graph.initializer}
        self.outputs = [output.name for output in self._model.graph.output]

    def users(self) -> dict[str, list[Any]]:
        """The nodes that read each tensor."""
        users = defaultdict(list)
        for node in self.nodes:
            for name in set(node.input):
                users[name].append(node)
        return users

    def ranks(self) -> dict[str, int]:
        """The number of dimensions of each tensor that shape inference can tell."""
        from onnx import shape_inference

        graph = shape_inference.infer_shapes(self._model).graph
        known = (value for value in (*graph.value_info, *graph.input) if value.type.tensor_type.HasField("shape"))
        return {value.name: len(value.type.tensor_type.shape.dim) for value in known}

    def add_constant(self, name: str, values: Any) -> str:
        """Adds an array, or takes it for one of that name that is there; returns the name."""
        self.constants.setdefault(name, np.asarray(values))
        return name

    def to_model(self) -> Any:
        """The `onnx.ModelProto` of what is there now, without the nodes and constants that no output needs."""
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
    """A node with one output, named after it."""
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=output, **fields)


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes as Python values."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
