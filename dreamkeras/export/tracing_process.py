"""Runs `tracing` where Keras's backend is TensorFlow: in this process if it already is, otherwise in one of its own."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.export.keras_settings import child_environment, keras_backend
from dreamkeras.export.traced import Traced

__all__ = ["require_packages", "trace_with_tensorflow"]

PACKAGES = {"keras": "train", "tensorflow": "train", "tf2onnx": "train", "onnx": "train", "onnxruntime": "cpu"}
"""The packages that an export needs, and the extra that installs each."""


def require_packages(*packages: str) -> None:
    """Checks that all that an export needs is installed, without importing it.

    Args:
        packages: Some of `PACKAGES`; by default all.

    Raises:
        MissingPackageError: Something is not.
    """
    missing = [package for package in packages or PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        extras = ",".join(dict.fromkeys(PACKAGES[package] for package in missing))
        raise MissingPackageError(f"Exporting needs {', '.join(missing)}: pip install 'dreamkeras[{extras}]'.")


def trace_with_tensorflow(file: Path, strands: str | None, without_bias: bool = False) -> Traced:
    """`tracing.trace`, on any backend of this process.

    Raises:
        ModelError: The model cannot be loaded, traced or converted.
    """
    if keras_backend() == "tensorflow":
        from dreamkeras.export.tracing import trace

        return trace(file, strands, without_bias)
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder:
        # -P: without it, a file in the working folder could pass for one of the packages.
        command = [sys.executable, "-P", "-m", "dreamkeras.export.tracing_worker", str(file), strands or "-", folder]
        command += ["without-bias"] if without_bias else []
        # The caller may hold the GPU's memory, and CPUs predict without TF32's rounding.
        environment = child_environment("tensorflow") | {"CUDA_VISIBLE_DEVICES": "-1"}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
        error = Path(folder) / "error.txt"
        if error.exists():
            raise ModelError(error.read_text())
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
            raise ModelError(f"Expected TensorFlow to export {file}, but its process failed: {lines[-1]}")
        return Traced.read(Path(folder))
