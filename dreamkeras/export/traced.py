"""Traced: the result of tracing a model with TensorFlow, which is passed between processes in files. Does not import Keras."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dreamkeras.sequence.description import ModelDescription

__all__ = ["Traced"]


class Traced(NamedTuple):
    """The predictor of a model as an ONNX graph, with the Keras predictions that the graph must reproduce.

    Args:
        graph: The serialised ONNX model written by tf2onnx.
        description: The description of the model.
        predicted: Predictions of `PrixFixe.predictor` for `parity.parity_letters`, float32 (n, columns). The array is empty if the caller
            computes the predictions of the Keras model.
    """

    graph: bytes
    description: ModelDescription
    predicted: np.ndarray

    def write(self, folder: Path) -> None:
        """Writes the result to three files in a folder."""
        (folder / "graph.onnx").write_bytes(self.graph)
        (folder / "description.json").write_text(self.description.to_json(), "utf-8")
        np.save(folder / "predicted.npy", self.predicted)

    @classmethod
    def read(cls, folder: Path) -> "Traced":
        """Reads the result from the files that `write` wrote to a folder."""
        description = ModelDescription.from_json((folder / "description.json").read_text("utf-8"))
        return cls((folder / "graph.onnx").read_bytes(), description, np.load(folder / "predicted.npy"))
