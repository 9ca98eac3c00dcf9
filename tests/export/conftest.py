"""A small network saved under this run's backend, and its export, for all tests of exporting."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from saved_models import save_small_network

from dreamkeras.sequence.description import ModelDescription


class Exported(NamedTuple):
    """A saved model and what became of it."""

    keras: Path
    onnx: Path
    description: ModelDescription


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    """`model.keras` in a run folder with config.json and metrics.json."""
    for package in ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.json").write_text('{"assay": "yeast", "backend": "jax", "seed": 3, "data": "private.tsv", "patience": null}')
    (folder / "metrics.json").write_text('{"r": 0.5, "n": 10}')
    return save_small_network(folder / "model.keras")


@pytest.fixture(scope="session")
def traced(saved):
    """What TensorFlow gives for `saved`."""
    from dreamkeras.export.tracing_process import trace_with_tensorflow

    return trace_with_tensorflow(saved, None)


@pytest.fixture(scope="session")
def exported(saved, traced, tmp_path_factory) -> Exported:
    """The export of `saved`, of both strands in float32."""
    from dreamkeras.export import export_onnx, onnx_file

    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_file, "trace_with_tensorflow", lambda *choices: traced)
        return Exported(saved, path, export_onnx(saved.parent, path))


@pytest.fixture(scope="session")
def letters() -> np.ndarray:
    """uint8 (64, 150): letters of every kind that the yeast construct takes."""
    from dreamkeras.export.parity import parity_letters
    from dreamkeras.sequence.construct import YEAST

    return parity_letters(YEAST)[:64]
