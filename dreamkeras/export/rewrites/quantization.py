"""Converts the dense convolutions of a float32 ONNX model to int8, with scales measured on sample windows."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.export.rewrites.graph import attributes
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.scoring.session import import_onnxruntime

__all__ = ["CALIBRATION", "to_int8"]

CALIBRATION = 512
"""Number of windows on which the quantisation scales are measured."""

BATCH = 32


def to_int8(model: Any, letters: np.ndarray) -> Any:
    """Converts dense convolutions to int8, with ONNX's QuantizeLinear and DequantizeLinear operators. All other nodes stay in float32.

    Grouped convolutions stay in float32, because ONNX Runtime computes them at half the speed in int8. LSTMs and matrix products stay in
    float32 as well.

    Args:
        model: An `onnx.ModelProto`. It is not modified.
        letters: Windows on which the quantisation scales are measured, uint8 (n, length).

    Raises:
        ModelError: The model has no dense convolution.
    """
    quantization = import_onnxruntime("quantization")
    model = type(model).FromString(model.SerializeToString())
    names = _name_convolutions(model)
    if not names:
        raise ModelError("The model has no dense convolutions to convert to int8: export in float16 to reduce the size of the file.")
    with temporary_folder() as folder, _quietly():
        whole, file = folder / "float32.onnx", folder / "int8.onnx"
        whole.write_bytes(model.SerializeToString())  # onnxruntime 1.20 loses the weights of a model that is not passed as a file
        quantization.quantize_static(
            whole,
            file,
            _Windows(letters),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_quantize=names,
        )
        return type(model).FromString(file.read_bytes())


class _Windows:
    """Provides batches of windows to onnxruntime's calibration, which calls `get_next` until the method returns None."""

    def __init__(self, letters: np.ndarray) -> None:
        self._batches = iter([letters[first : first + BATCH] for first in range(0, len(letters), BATCH)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"letters": batch}


def _name_convolutions(model: Any) -> list[str]:
    """Gives each dense convolution a unique name and returns the names."""
    names = []
    for number, node in enumerate(model.graph.node):
        if node.op_type == "Conv" and attributes(node).get("group", 1) == 1:
            node.name = f"int8/{number}"
            names.append(node.name)
    return names


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Suppresses onnxruntime's warning that the graph has not been preprocessed.

    Preprocessing is not required, because the other rewrites in this package have already simplified the graph.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
