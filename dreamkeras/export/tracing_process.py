"""Runs the module `tracing` with TensorFlow, in a child process unless Keras already uses TensorFlow in this process."""

import importlib.util
import sys
from pathlib import Path

from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.export.child_process import run_child
from dreamkeras.export.keras_settings import child_environment, keras_backend
from dreamkeras.export.parity import SEQUENCES
from dreamkeras.export.traced import Traced
from dreamkeras.files.temporary import temporary_folder

__all__ = ["require_packages", "trace_with_tensorflow"]

PACKAGES = {"keras": "train", "tensorflow": "train", "tf2onnx": "train", "onnx": "train", "onnxruntime": "cpu"}
"""Maps each package that an export requires to the extra of dreamkeras that installs the package."""


def require_packages(*packages: str) -> None:
    """Checks that the packages for an export are installed, without importing the packages.

    Args:
        packages: Names from `PACKAGES`. Defaults to all packages.

    Raises:
        MissingPackageError: A package is not installed.
    """
    missing = [package for package in packages or PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        extras = ",".join(dict.fromkeys(PACKAGES[package] for package in missing))
        raise MissingPackageError(f"The export requires {', '.join(missing)}: pip install 'dreamkeras[{extras}]'.")


def trace_with_tensorflow(file: Path, strands: str | None, without_bias: bool = False, sequences: int = SEQUENCES) -> Traced:
    """Calls `tracing.trace`. Keras may use any backend in this process.

    Raises:
        ModelError: The model cannot be loaded, traced or converted.
    """
    if keras_backend() == "tensorflow":
        from dreamkeras.export.tracing import trace

        return trace(file, strands, without_bias, sequences)
    with temporary_folder() as folder:
        # Without -P, Python would import a file in the working folder instead of a package of the same name.
        command = [sys.executable, "-P", "-m", "dreamkeras.export.tracing_worker", str(file), strands or "-", str(folder), str(sequences)]
        command += ["without-bias"] if without_bias else []
        # The GPU is hidden, because the caller may occupy its memory, and because predictions on GPUs may be rounded to TF32.
        environment = child_environment("tensorflow") | {"CUDA_VISIBLE_DEVICES": "-1"}
        done = run_child(command, environment)
        error = folder / "error.txt"
        if error.exists() and (text := error.read_text("utf-8")):
            raise ModelError(text)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
            raise ModelError(f"The TensorFlow process for the export of {file} failed: {lines[-1]}")
        return Traced.read(folder)
