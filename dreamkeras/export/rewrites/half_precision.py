"""Converts a float32 ONNX model to float16, except for its inputs, its outputs and the final conversion to the assay's units."""

import warnings
from typing import Any

from dreamkeras.export.rewrites.graph import Graph
from dreamkeras.scoring.session import import_onnxruntime

__all__ = ["to_half_precision"]

LINEAR = {"Add", "Cast", "Concat", "Div", "Identity", "Mean", "Mul", "ReduceMean", "Reshape", "Slice", "Split", "Squeeze", "Sub", "Sum"}
"""Linear operators at the end of a graph."""

UNITS = {"Clip", "Exp", "Max", "Min", "Sigmoid", "Sinh"}
"""Operators that convert predictions from the scale of the network to the table's unit."""

TAIL = LINEAR | UNITS
"""Operators that stay in float32 at the end of a graph, because values in the assay's units can exceed the float16 maximum of 65,504."""


def to_half_precision(model: Any) -> Any:
    """Converts a model to float16, which approximately halves the size of the file.

    ONNX Runtime computes in float16 on GPUs. On CPUs, ONNX Runtime converts float16 back to float32, so that only the size of the file is
    reduced. The operators after the last layer with weights stay in float32, because targets can have any scale.

    Args:
        model: An `onnx.ModelProto`. It is not modified.

    Returns:
        The converted `onnx.ModelProto`.
    """
    convert = import_onnxruntime("transformers.float16").convert_float_to_float16
    tail = _tail(model)
    body = _without_tail(model, tail)
    if body.graph.node:
        with warnings.catch_warnings():
            # The converter warns about every weight that underflows in float16. The parity check measures the effect of the underflow.
            warnings.simplefilter("ignore")
            body = convert(body, keep_io_types=True)
    return _with_tail(body, tail, model)


def _tail(model: Any) -> list[Any]:
    """Returns the operators in `TAIL` at the end of the graph, in topological order.

    The results of these operators are used only by operators in `TAIL` or as outputs.
    """
    graph = Graph(model)
    users, tail = graph.users(), list[Any]()
    for node in reversed(graph.nodes):
        followers = [user for name in node.output for user in users[name]]
        is_last = bool(followers) or any(name in graph.outputs for name in node.output)
        if node.op_type in TAIL and is_last and all(any(user is one for one in tail) for user in followers):
            tail.append(node)
    return tail[::-1]


def _without_tail(model: Any, tail: list[Any]) -> Any:
    """Returns a copy of the model without the operators of the tail and without the constants that only the tail uses."""
    from onnx import TensorProto, helper, shape_inference

    body = type(model).FromString(model.SerializeToString())
    graph, made = body.graph, {name for node in tail for name in node.output}
    nodes = [node for node in graph.node if not made.intersection(node.output)]
    known = {value.name: value for value in shape_inference.infer_shapes(model).graph.value_info}
    produced, read = {name for node in nodes for name in node.output}, {name for node in nodes for name in node.input}
    ends = dict.fromkeys([*(name for node in tail for name in node.input), *(output.name for output in graph.output)])
    outputs = [known.get(name) or helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ends if name in produced]
    constants = [tensor for tensor in graph.initializer if tensor.name in read]
    for field, kept in ((graph.node, nodes), (graph.output, outputs), (graph.initializer, constants)):
        del field[:]
        field.extend(kept)
    del graph.value_info[:]  # the conversion infers the shapes of intermediate tensors again
    return body


def _with_tail(body: Any, tail: list[Any], model: Any) -> Any:
    """Appends the operators of the tail, with separate copies of their constants, to the body."""
    graph, constants = body.graph, {tensor.name: tensor for tensor in model.graph.initializer}
    names = {name: f"float32/{name}" for node in tail for name in node.input if name in constants}
    for node in tail:
        graph.node.add().CopyFrom(node)
        graph.node[-1].input[:] = [names.get(name, name) for name in node.input]
    for name, own in names.items():
        graph.initializer.add().CopyFrom(constants[name])
        graph.initializer[-1].name = own
    del graph.output[:]
    graph.output.extend(model.graph.output)
    return body
