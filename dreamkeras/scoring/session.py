"""Opens ONNX Runtime sessions on a given device with a given number of threads. Warnings of ONNX Runtime are not printed.

This is the only module that imports onnxruntime. onnxruntime is imported when the first session is opened.
"""

import contextlib
import importlib
import importlib.metadata
import io
import re
from types import ModuleType
from typing import Any

import numpy as np

from dreamkeras.environment import setting
from dreamkeras.errors import MissingPackageError, ModelError, one_line
from dreamkeras.scoring.cpus import thread_count
from dreamkeras.scoring.names import DEVICES

__all__ = ["import_onnxruntime", "on_cuda", "open_session", "run_session"]

PACKAGES = ("onnxruntime", "onnxruntime-gpu")
"""The two packages that contain the module `onnxruntime`. If both packages are installed, they overwrite each other's files."""

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# By default, ONNX Runtime benchmarks every convolution algorithm for each new batch shape, which takes 0.3 to 1.3 seconds per shape.
CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC"}
ERRORS_ONLY = 3

CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
LOCATION = re.compile(r"\S*/onnxruntime/\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])", re.DOTALL)
"""Pattern of the source file, line and C++ signature in an error message of ONNX Runtime."""

TOO_NEW = {
    "IR version": re.compile(r"Unsupported model IR version: (\d+)"),
    "opset": re.compile(r"Opset (\d+) is under development"),
}
"""Patterns of the error messages of ONNX Runtime about a model file whose format is too new."""

RELEASES = {
    "IR version": {10: "1.20", 11: "1.23", 13: "1.24", 14: "1.32"},
    "opset": {21: "1.20", 22: "1.21", 23: "1.23", 25: "1.24", 26: "1.25", 28: "1.32"},
}
"""First release of ONNX Runtime that opens model files up to a given IR version or opset.

The values were measured with releases 1.20 to 1.32.
"""

TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Environment variable that turns off ONNX Runtime's usage reports to Microsoft (since 1.32). onnxruntime reads the variable on import."""


def open_session(path: str, device: str = "auto", threads: int | None = None) -> Any:
    """Opens a model file as an `onnxruntime.InferenceSession`.

    Args:
        path: The `.onnx` file.
        device: `"cpu"`, `"cuda"` or `"auto"`. If the GPU cannot be used, `"cuda"` raises an error and `"auto"` uses the CPU.
        threads: Number of CPU threads that share the work of an operator. If None, all CPUs available to this process are used.

    Raises:
        MissingPackageError: onnxruntime is not installed, or `device` is `"cuda"` and the GPU build is not installed.
        ModelError: The file is not an ONNX model, CUDA was requested and cannot be used, or an argument is out of range.
    """
    if device not in DEVICES:
        raise ModelError(f"Expected device to be one of {', '.join(DEVICES)}, got {device!r}.")
    count = thread_count(threads)
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = count
    has_cuda = CUDA in runtime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise MissingPackageError(f"Device 'cuda' requires onnxruntime with CUDA, but {_way_to('gpu', 'the installed build has none')}.")
    if device != "cpu" and has_cuda:
        session = _open_on_cuda(runtime, path, options, required=device == "cuda")
        if session is not None:
            return session
    return _open(runtime, path, options, [CPU])


def on_cuda(session: Any) -> bool:
    """Whether a session runs on a GPU."""
    return CUDA in session.get_providers()


def run_session(session: Any, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Returns the outputs of a session for one batch.

    Raises:
        ModelError: ONNX Runtime could not score the batch, for example because of insufficient memory.
    """
    try:
        values: list[np.ndarray] = session.run(outputs, inputs)
    except Exception as error:  # onnxruntime's exceptions share no base class
        shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
        raise ModelError(
            f"ONNX Runtime could not score a batch of {shapes}: {_cause(error)}. A smaller batch size needs less memory."
        ) from error
    return values


def import_onnxruntime(part: str = "") -> ModuleType:
    """Imports ONNX Runtime, with telemetry off unless the user has set `ORT_DISABLE_TELEMETRY`.

    Args:
        part: Name of a submodule to return. If empty, the module `onnxruntime` itself is returned.

    Raises:
        MissingPackageError: onnxruntime is not installed, or the installation is incomplete.
    """
    try:
        with setting(TELEMETRY, "1"):
            onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise MissingPackageError(
            f"Scoring requires onnxruntime ({error}): pip install 'dreamkeras[cpu]', or 'dreamkeras[gpu]' on a GPU machine."
        ) from None
    if not hasattr(onnxruntime, "InferenceSession"):  # Uninstalling one of two installed `PACKAGES` leaves an empty module.
        raise MissingPackageError(f"Scoring requires onnxruntime, but {_way_to('cpu', 'the installation is incomplete')}.")
    onnxruntime.set_default_logger_severity(ERRORS_ONLY)
    return importlib.import_module(f"onnxruntime.{part}") if part else onnxruntime


def _way_to(extra: str, came: str) -> str:
    """Describes the problem with the installed packages, and appends the commands that install the packages of `extra`."""
    found = [package for package in PACKAGES if _is_installed(package)]
    came = "both onnxruntime and onnxruntime-gpu are installed and overwrite each other" if len(found) > 1 else came
    return f"{came}: pip uninstall -y {' '.join(found or PACKAGES)}; pip install 'dreamkeras[{extra}]'"


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _open_on_cuda(runtime: ModuleType, path: str, options: Any, *, required: bool) -> Any:
    """Opens a session that runs on CUDA. If CUDA cannot be used, raises an error if `required` is True, and returns None otherwise."""
    reason = "ONNX Runtime opened the model on the CPU (is the driver, CUDA or cuDNN missing?)"
    with contextlib.redirect_stdout(io.StringIO()):  # ONNX Runtime prints errors to standard output, which may receive predictions.
        if hasattr(runtime, "preload_dlls"):  # ONNX Runtime before 1.21 has no `preload_dlls`.
            runtime.preload_dlls()
        try:
            session = _open(runtime, path, options, [(CUDA, CUDA_OPTIONS), CPU])
        except ModelError as error:
            session, reason = None, str(error)
    if session is not None and on_cuda(session):
        return session
    if required:
        raise ModelError(f"CUDA cannot be used for device 'cuda': {reason}")
    return None


def _open(runtime: ModuleType, path: str, options: Any, providers: list[Any]) -> Any:
    try:
        return runtime.InferenceSession(path, options, providers=providers, enable_fallback=0)
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no base class
        raise ModelError(f"ONNX Runtime cannot open the model {path}: {_too_new(runtime, error) or _cause(error, path)}.") from None


def _cause(error: Exception, path: str = "") -> str:
    """Returns an error message of ONNX Runtime without the error code, the path of the model and the place in the C++ source."""
    text = LOCATION.sub("", CODE.sub("", str(error)).replace(f"Load model from {path} failed:", ""))
    return one_line(text or error).rstrip(".")


def _too_new(runtime: ModuleType, error: Exception) -> str:
    """If the installed ONNX Runtime is too old for a model, returns a message with the required version, otherwise an empty text."""
    for kind, pattern in TOO_NEW.items():
        if found := pattern.search(str(error)):
            releases = RELEASES[kind]
            needed = next((f"ONNX Runtime {release} or later" for most, release in releases.items() if most >= int(found[1])), "")
            needed = needed or f"a release of ONNX Runtime after {list(releases.values())[-1]}"
            (package, *_) = [package for package in PACKAGES if _is_installed(package)] or PACKAGES
            came = f"{package} {getattr(runtime, '__version__', 'of unknown version')} is installed"
            return f"its {kind} {found[1]} requires {needed}, but {came}. Upgrade the package: pip install --upgrade {package}"
    return ""
