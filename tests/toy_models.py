"""Tiny ONNX models that predict how many letters of certain kinds a window has."""

from pathlib import Path

import numpy as np

from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription

TOY = Construct(name="toy", length=12, alignment="left", shortest=4, strands="given")
"""A construct of 4 to 12 letters without adapters and flanks. The window is padded with `N`, which is not counted."""

COUNTED = {"gc": "GCgc", "a": "Aa"}
"""The tasks of a toy model, and the letters that each task counts."""


def write_toy_model(
    path,
    construct: Construct = TOY,
    tasks: tuple[str, ...] = ("gc", "a"),
    *,
    name: str = "toy",
    units: str = "letters",
    weight: float = 1,
    input_name: str = "letters",
    input_type: str = "UINT8",
    output_name: str = "expression",
    shape: tuple[str | int, str | int] | None = None,
    metadata: dict[str, str] | None = None,
    calibration: dict | None = None,
) -> Path:
    """Writes a model that predicts the number of `COUNTED` letters in each window times a weight.

    The arguments from `input_name` to `metadata` make models that dreamkeras rejects.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = np.array([[weight * (chr(code) in COUNTED[task]) for task in tasks] for code in range(256)], np.float32)
    nodes = [
        helper.make_node("Cast", [input_name], ["codes"], to=TensorProto.INT32),
        helper.make_node("Gather", ["table", "codes"], ["rows"], axis=0),
        helper.make_node("ReduceSum", ["rows", "axis"], [output_name], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(input_name, getattr(TensorProto, input_type), shape or ("batch", construct.length))],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ("batch", len(tasks)))],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    description = ModelDescription(name=name, construct=construct, tasks=tasks, units=(units,) * len(tasks), calibration=calibration or {})
    helper.set_model_props(model, {METADATA_KEY: description.to_json()} if metadata is None else metadata)
    onnx.save(model, path)
    return Path(path)


def count(sequence: str, tasks: tuple[str, ...] = ("gc", "a")) -> list[float]:
    """Returns the predictions of a toy model for a sequence."""
    return [float(sum(letter in COUNTED[task] for letter in sequence)) for task in tasks]
