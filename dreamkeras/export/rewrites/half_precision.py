"""A float32 ONNX model as one that stores and computes in float16; inputs, outputs and what brings values into units stay as they are."""

import warnings
from typing import Any

from dreamkeras.export.rewrites.graph import Graph
from dreamkeras.scoring.session import import_onnxruntime

__all__ = ["to_half_precision"]

LINEAR = {"Add", "Cast", "Concat", "Div", "Identity", "Mean", "Mul", "ReduceMean", "Reshape", "Slice", "Split", "Squeeze", "Sub", "Sum"}
"""Operators at the end of a graph that stay in float32: a scale, an offset and the mean of strands. Float16 ends at 65,504."""


def to_half_precision(model: Any) -> Any:
    """The model in float16, about half the size.

    ONNX Runtime computes in float16 on GPUs; on CPUs it converts back to float32 and gains nothing but the size. The last operators,
    back to a layer with weights, stay in float32: targets may have any scale.

    Args:
        model: An `onnx.ModelProto`; stays as it is.
    """
    convert = import_onnxruntime("transformers.float16").convert_float_to_float16
    tail = _linear_tail(model)
    body = _without_tail(model, tail)
    if body.graph.node:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of each weight too small for float16; the parity report tells what that costs
            body = convert(body, keep_io_types=True)
    return _with_tail(body, tail, model)


def _linear_tail(model: Any) -> list[Any]:
    """The nodes that nothing but linear operators and outputs follows, in an order in which they can be computed."""
    graph = Graph(model)
    users, tail = graph.users(), list[Any]()
    for node in reversed(graph.nodes):
        followers = [user for name in node.output for user in users[name]]
        is_last = bool(followers) or any(name in graph.outputs for name in node.output)
        if node.op_type in LINEAR and is_last and all(any(user is one for one in tail) for user in followers):
            tail.append(node)
    return tail[::-1]


def _without_tail(model: Any, tail: list[Any]) -> Any:
    """A copy that ends where the tail begins, without the constants that only the tail reads."""
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
    del graph.value_info[:]  # also of the tail; the conversion infers them again
    return body


def _with_tail(body: Any, tail: list[Any], model: Any) -> Any:
    """The body with the tail behind it, whose constants are its own."""
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
