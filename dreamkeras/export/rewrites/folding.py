"""Folds multiplications and additions of constants, such as a batch normalisation, into the preceding convolution."""

from typing import Any

import numpy as np

from dreamkeras.export.rewrites.graph import Graph

__all__ = ["fold_into_convolutions"]


def fold_into_convolutions(model: Any) -> Any:
    """Folds the per-channel scale and shift after each convolution into the weights and bias of the convolution.

    Args:
        model: An `onnx.ModelProto`. It is not modified.

    Returns:
        The rewritten `onnx.ModelProto`.
    """
    graph = Graph(model)
    users, folded = graph.users(), set()
    for node in graph.nodes:
        if node.op_type == "Conv" and node.input[1] in graph.constants:
            folded.update(_fold_followers(graph, node, users))
    graph.nodes = [node for node in graph.nodes if id(node) not in folded]
    return graph.to_model()


def _fold_followers(graph: Graph, convolution: Any, users: dict[str, list[Any]]) -> list[int]:
    """Folds nodes that follow a convolution into the convolution, where possible. Returns the `id` of each folded node."""
    kernel = graph.constants[convolution.input[1]].astype(np.float64)
    bias = np.zeros(len(kernel))
    if len(convolution.input) > 2:
        if convolution.input[2] not in graph.constants:
            return []
        bias = graph.constants[convolution.input[2]].astype(np.float64)
    output, folded = convolution.output[0], []
    while output not in graph.outputs and len(users[output]) == 1:
        follower = users[output][0]
        values = _channel_values(graph, follower, output, kernel.shape)
        if values is None:
            break
        if follower.op_type == "Mul":
            kernel, bias = kernel * values.reshape(-1, *[1] * (kernel.ndim - 1)), bias * values
        else:
            bias = bias + values
        output = follower.output[0]
        folded.append(id(follower))
    if folded:
        names = [f"{output}/kernel", f"{output}/bias"]
        for name, array in zip(names, (kernel, bias), strict=True):
            graph.add_constant(name, array.astype(np.float32))
        first = convolution.input[0]
        del convolution.input[:]
        convolution.input.extend([first, *names])
        convolution.output[0] = output
    return folded


def _channel_values(graph: Graph, node: Any, output: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """Returns the constants, float64 (channels,), that a node multiplies with `output` or adds to `output`.

    Returns None for any other node.
    """
    if node.op_type not in ("Mul", "Add") or len(set(node.input)) != 2:
        return None
    (other,) = set(node.input) - {output}
    values = graph.constants.get(other)
    channels = shape[0]
    if values is None or values.dtype != np.float32 or values.shape not in ((), (1, channels, *[1] * (len(shape) - 2)), (1,) * len(shape)):
        return None
    return np.broadcast_to(values.astype(np.float64).reshape(-1), (channels,))
