"""Traced: what TensorFlow gives for an export, and how it travels between two processes. Knows nothing about Keras."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.description import ModelDescription

__all__ = ["Traced"]


class Traced(NamedTuple):
    """A model's predictor as an ONNX graph, and what is needed to check it.

    Args:
        graph: The ONNX model as tf2onnx wrote it, serialised.
        description: What the model says of itself.
        predicted: float32 (n, columns), what `PrixFixe.predictor` answers for `parity.parity_letters`.
    """

    graph: bytes
    description: ModelDescription
    predicted: np.ndarray

    def write(self, folder: Path) -> None:
        """Leaves three files in a folder."""
        (folder / "graph.onnx").write_bytes(self.graph)
        (folder / "description.json").write_text(self.description.to_json())
        np.save(folder / "predicted.npy", self.predicted)

    @classmethod
    def read(cls, folder: Path) -> "Traced":
        """What `write` left."""
        description = ModelDescription.from_json((folder / "description.json").read_text())
        return cls((folder / "graph.onnx").read_bytes(), description, np.load(folder / "predicted.npy"))
