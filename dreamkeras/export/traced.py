"""Traced: the result of tracing a model with TensorFlow, and the files that pass it between processes. Does not import Keras."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.description import ModelDescription

__all__ = ["Traced"]


class Traced(NamedTuple):
    """A model's predictor as an ONNX graph, with the predictions to check it against.

    Args:
        graph: The serialised ONNX model written by tf2onnx.
        description: The description of the model.
        predicted: float32 (n, columns), the predictions of `PrixFixe.predictor` for `parity.parity_letters`.
    """

    graph: bytes
    description: ModelDescription
    predicted: np.ndarray

    def write(self, folder: Path) -> None:
        """Writes three files to a folder."""
        (folder / "graph.onnx").write_bytes(self.graph)
        (folder / "description.json").write_text(self.description.to_json())
        np.save(folder / "predicted.npy", self.predicted)

    @classmethod
    def read(cls, folder: Path) -> "Traced":
        """Reads the files that `write` wrote to a folder."""
        description = ModelDescription.from_json((folder / "description.json").read_text())
        return cls((folder / "graph.onnx").read_bytes(), description, np.load(folder / "predicted.npy"))
