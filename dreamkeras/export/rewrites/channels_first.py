"""Keeps features in the layout `(batch, channels, 1, length)` between the convolutions of an ONNX graph.

tf2onnx converts a 1-D convolution to a 2-D Conv with height 1, surrounded by Unsqueeze, Squeeze and Transpose nodes that only rename axes.
Without these nodes, ONNX Runtime copies less data and fuses the nodes that follow a Conv.
"""

from typing import Any, NamedTuple

import numpy as np

from dreamkeras.export.rewrites.graph import Graph, attributes, make_node

__all__ = ["keep_channels_first"]

UNARY = {"Relu", "Sigmoid", "Tanh", "Erf", "Elu", "Selu", "LeakyRelu", "HardSigmoid", "Softplus", "Exp", "Sqrt", "Neg", "Abs"}
BINARY = {"Add", "Sub", "Mul", "Div", "Max", "Min"}

# Order of the axes after an operation that only renames axes. The axes are N (batch), C (channels), H (height, which is 1) and L (length).
MOVES = {
    ("NCHL", "Squeeze", (2,)): "NCL",
    ("NHLC", "Squeeze", (1,)): "NLC",
    ("NCL", "Unsqueeze", (2,)): "NCHL",
    ("NLC", "Unsqueeze", (1,)): "NHLC",
    ("NCL", "Transpose", (0, 2, 1)): "NLC",
    ("NLC", "Transpose", (0, 2, 1)): "NCL",
    ("NHLC", "Transpose", (0, 3, 1, 2)): "NCHL",
    ("NCHL", "Transpose", (0, 2, 3, 1)): "NHLC",
}


class _View(NamedTuple):
    """The name of a tensor in the layout NCHL, and the layout (`axes`) of the original tensor that it replaces."""

    tensor: str
    axes: str


def keep_channels_first(model: Any) -> Any:
    """Removes the nodes that change the layout between the convolutions of a model.

    Args:
        model: An `onnx.ModelProto` of opset 18 or later. It is not modified.

    Returns:
        The rewritten `onnx.ModelProto`. A network that consists mainly of attention would need more transposes, so `model` itself is
        returned.
    """
    rewritten = _Rewriter(Graph(model)).rewrite()
    return rewritten if _transposes(rewritten) <= _transposes(model) else model


def _transposes(model: Any) -> int:
    return sum(node.op_type == "Transpose" for node in model.graph.node)


class _Rewriter:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.ranks = graph, graph.ranks()
        self.nodes: list[Any] = []
        self.views: dict[str, _View] = {}
        self.written: set[str] = set()

    def rewrite(self) -> Any:
        for node in self.graph.nodes:
            if not (self._rename(node) or self._compute_channels_first(node) or self._average(node)):
                self._copy(node)
        for name in self.graph.outputs:
            self._write_view(name)
        self.graph.nodes = self.nodes
        return self.graph.to_model()

    def _rename(self, node: Any) -> bool:
        """Removes a node that only renames axes."""
        view = self.views.get(node.input[0]) if node.input else None
        if view is None:
            return False
        axes = MOVES.get((view.axes, node.op_type, self._axes(node, len(view.axes))))
        if axes:
            self.views[node.output[0]] = _View(view.tensor, axes)
        return bool(axes)

    def _axes(self, node: Any, rank: int) -> tuple[int, ...]:
        if node.op_type == "Transpose":
            return tuple(attributes(node).get("perm", ()))
        if node.op_type not in ("Squeeze", "Unsqueeze", "ReduceMean") or len(node.input) < 2:
            return ()
        rank += node.op_type == "Unsqueeze"  # the axes of an Unsqueeze node refer to the output of the node
        return tuple(axis % rank for axis in self.graph.constants.get(node.input[1], np.array([], int)).tolist())

    def _compute_channels_first(self, node: Any) -> bool:
        """Converts an elementwise operation or a concatenation of channels to the layout NCHL."""
        layouts = {self.views[name].axes for name in node.input if name in self.views}
        if len(layouts) != 1:
            return False
        (axes,) = layouts
        fields = attributes(node)
        if node.op_type == "Concat" and fields["axis"] % len(axes) == axes.index("C"):
            fields["axis"] = 1
        elif node.op_type not in UNARY | BINARY:
            return False
        tensors = [self._channels_first(name, axes) for name in node.input]
        if not all(tensors):
            return False
        output = node.output[0]
        self.nodes.append(make_node(node.op_type, [str(name) for name in tensors], f"{output}/NCHL", **fields))
        self.views[output] = _View(f"{output}/NCHL", axes)
        return True

    def _average(self, node: Any) -> bool:
        """Converts a mean over the length to a mean over height and length."""
        view = self.views.get(node.input[0]) if node.op_type == "ReduceMean" else None
        if view is None or len(view.axes) != 3 or attributes(node).get("keepdims", 1) or len(node.input) != 2:
            return False
        if self._axes(node, 3) != (view.axes.index("L"),):
            return False
        axes = self.graph.add_constant("spatial_axes", np.array([2, 3], np.int64))
        self.nodes.append(make_node("ReduceMean", [view.tensor, axes], node.output[0], keepdims=0))
        return True

    def _copy(self, node: Any) -> None:
        for index, name in enumerate(node.input):
            if name in self.views and self.views[name].axes == "NCHL":
                node.input[index] = self.views[name].tensor
            else:
                self._write_view(name)
        self.nodes.append(node)
        if node.op_type == "Conv" and self.graph.constants.get(node.input[1], np.empty(0)).ndim == 4:
            self.views[node.output[0]] = _View(node.output[0], "NCHL")

    def _channels_first(self, name: str, axes: str) -> str | None:
        """Returns the name of an input after conversion to the layout NCHL, from the layout `axes` of the node's other inputs.

        Returns None if the input's number of dimensions is unknown or does not match `axes`.
        """
        view = self.views.get(name)
        if view:
            return view.tensor
        order = ["NCHL".index(axis) for axis in axes]
        if name in self.graph.constants:
            return self._constant_channels_first(name, axes, order)
        if self.ranks.get(name) != len(axes):
            return None
        if len(axes) == 4:
            return name if axes == "NCHL" else self._add("Transpose", [name], f"{name}/{axes}", perm=[axes.index(axis) for axis in "NCHL"])
        if axes == "NLC":
            name = self._add("Transpose", [name], f"{name}/NCL", perm=[0, 2, 1])
        return self._add("Unsqueeze", [name, self._height()], f"{name}/NCHL")

    def _constant_channels_first(self, name: str, axes: str, order: list[int]) -> str | None:
        values = self.graph.constants[name]
        if values.ndim > len(axes):
            return None
        values = values.reshape((1,) * (len(axes) - values.ndim) + values.shape)
        shape = np.ones(4, int)
        shape[order] = values.shape
        values = values.transpose(np.argsort(order)).reshape(shape)
        return self.graph.add_constant(f"{name}/{axes}", np.ascontiguousarray(values))

    def _write_view(self, name: str) -> None:
        """Adds nodes that convert an NCHL tensor back to its original layout, which some of the following nodes require."""
        view = self.views.get(name)
        if view is None or name == view.tensor or name in self.written:
            return
        self.written.add(name)
        if view.axes == "NCHL":
            self._add("Identity", [view.tensor], name)
        elif view.axes == "NHLC":
            self._add("Transpose", [view.tensor], name, perm=[0, 2, 3, 1])
        elif view.axes == "NCL":
            self._add("Squeeze", [view.tensor, self._height()], name)
        else:
            flat = self._add("Squeeze", [view.tensor, self._height()], f"{name}/NCL")
            self._add("Transpose", [flat], name, perm=[0, 2, 1])

    def _height(self) -> str:
        return self.graph.add_constant("height_axis", np.array([2], np.int64))

    def _add(self, kind: str, inputs: list[str], output: str, **fields: Any) -> str:
        if not any(output in node.output for node in self.nodes):
            self.nodes.append(make_node(kind, inputs, output, **fields))
        return output
