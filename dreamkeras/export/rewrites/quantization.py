"""A float32 ONNX model whose dense convolutions compute in eight bits, by scales that are measured on windows it is asked about."""

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.export.rewrites.graph import attributes
from dreamkeras.scoring.session import import_onnxruntime

__all__ = ["CALIBRATION", "to_int8"]

CALIBRATION = 512
"""Windows that the scales are measured on."""

BATCH = 32


def to_int8(model: Any, letters: np.ndarray) -> Any:
    """The model with dense convolutions in int8 and all else in float32, in the standard's QuantizeLinear and DequantizeLinear.

    Grouped convolutions stay: ONNX Runtime is twice as slow with them in eight bits. So do LSTMs and matrix products.

    Args:
        model: An `onnx.ModelProto`; stays as it is.
        letters: uint8 (n, length), windows whose features tell the scales.

    Raises:
        ModelError: There is no dense convolution.
    """
    quantization = import_onnxruntime("quantization")
    model = type(model).FromString(model.SerializeToString())
    names = _name_convolutions(model)
    if not names:
        raise ModelError("Expected a model with dense convolutions to compute in int8, got one without: float16 halves the file, too.")
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder, _quietly():
        whole, file = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        whole.write_bytes(model.SerializeToString())  # onnxruntime 1.20 loses the weights of a model that is in memory
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
    """Windows in batches, as onnxruntime's calibration asks for them, which knows a reader by its methods."""

    def __init__(self, letters: np.ndarray) -> None:
        self._batches = iter([letters[first : first + BATCH] for first in range(0, len(letters), BATCH)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"letters": batch}


def _name_convolutions(model: Any) -> list[str]:
    """The dense convolutions, each under a name of its own."""
    names = []
    for number, node in enumerate(model.graph.node):
        if node.op_type == "Conv" and attributes(node).get("group", 1) == 1:
            node.name = f"int8/{number}"
            names.append(node.name)
    return names


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """It warns that the graph was not simplified by its own tool; ours is."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
