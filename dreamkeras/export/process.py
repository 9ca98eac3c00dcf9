"""Runs `tracing` where Keras's backend is TensorFlow: in this process if it already is, otherwise in one of its own."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dreamkeras.environment import setting
from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.export.keras_settings import keras_environment
from dreamkeras.export.traced import Traced
from dreamkeras.plots.style import import_fonts

__all__ = ["child_environment", "home_left_alone", "keras_backend", "require_packages", "trace_with_tensorflow"]

PACKAGES = {"keras": "train", "tensorflow": "train", "tf2onnx": "train", "onnx": "train", "onnxruntime": "cpu"}
"""What an export needs, and the extra that brings it."""


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


def keras_backend() -> str | None:
    """The backend of this process's Keras; None while nothing has imported it."""
    keras = sys.modules.get("keras")
    return str(keras.backend.backend()) if keras else None


@contextlib.contextmanager
def home_left_alone() -> Iterator[None]:
    """What Keras brings along, when imported in the `with` block, leaves neither matplotlib's list of fonts nor torch's cache."""
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder, contextlib.ExitStack() as stack:
        stack.enter_context(setting("TORCHINDUCTOR_CACHE_DIR", folder))
        with contextlib.suppress(ImportError):  # Keras imports matplotlib where it is installed
            import_fonts()
        yield


def trace_with_tensorflow(file: Path, strands: str | None, without_bias: bool = False) -> Traced:
    """`tracing.trace`, whatever this process's backend is.

    Raises:
        ModelError: The model cannot be loaded, traced or converted.
    """
    if keras_backend() == "tensorflow":
        from dreamkeras.export.tracing import trace

        return trace(file, strands, without_bias)
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder:
        # -P: without it, a file in the working folder could pass for one of the packages.
        command = [sys.executable, "-P", "-m", "dreamkeras.export.worker", str(file), strands or "-", folder]
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


def child_environment(backend: str) -> dict[str, str]:
    """The environment of a process of our own: Keras on a backend, our settings, and all that this process can import, blocks included."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**keras_environment(backend), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths}
