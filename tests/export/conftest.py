"""Fixtures of the export tests: a small network saved with the current backend, and its export."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from saved_models import save_small_network

from dreamkeras.sequence.description import ModelDescription


class Exported(NamedTuple):
    """A saved model, its ONNX file and its description."""

    keras: Path
    onnx: Path
    description: ModelDescription


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    """Returns the path of a `model.keras` in a run folder with config.json and metrics.json."""
    for package in ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.json").write_text('{"assay": "yeast", "backend": "jax", "seed": 3, "data": "private.tsv", "patience": null}')
    (folder / "metrics.json").write_text('{"r": 0.5, "n": 10}')
    return save_small_network(folder / "model.keras")


@pytest.fixture(scope="session")
def traced(saved):
    """Returns the traced graph of `saved`."""
    from dreamkeras.export.tracing_process import trace_with_tensorflow

    return trace_with_tensorflow(saved, None)


@pytest.fixture(scope="session")
def exported(saved, traced, tmp_path_factory) -> Exported:
    """Exports `saved` for both strands in float32."""
    from dreamkeras.export import export_onnx, onnx_file

    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_file, "trace_with_tensorflow", lambda *choices: traced)
        return Exported(saved, path, export_onnx(saved.parent, path))


@pytest.fixture(scope="session")
def letters() -> np.ndarray:
    """Returns uint8 (64, 150), windows with all kinds of letters that the yeast construct accepts."""
    from dreamkeras.export.parity import parity_letters
    from dreamkeras.sequence.construct import YEAST

    return parity_letters(YEAST)[:64]
