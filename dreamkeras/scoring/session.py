"""ONNX Runtime sessions: opened quietly, on the device and with the threads that were asked for.

Knows nothing about sequences or descriptions. onnxruntime is imported when a session is opened, never before, and nowhere else.
"""

import contextlib
import importlib
import importlib.metadata
import io
from types import ModuleType
from typing import Any

import numpy as np

from dreamkeras.environment import setting
from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.scoring.cpus import thread_count
from dreamkeras.scoring.names import DEVICES

__all__ = ["import_onnxruntime", "on_cuda", "open_session", "run_session"]

PACKAGES = ("onnxruntime", "onnxruntime-gpu")
"""Two builds of one module: installed together they overwrite each other's files."""

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# The default search tries every algorithm anew for each batch shape, 0.3 to 1.3 seconds a shape.
CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC"}
ERRORS_ONLY = 3

TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""The variable that keeps ONNX Runtime from reporting its use to Microsoft, which it does from 1.32 on; read while it is imported."""


def open_session(path: str, device: str = "auto", threads: int | None = None) -> Any:
    """An `onnxruntime.InferenceSession` over a model file.

    Args:
        path: The `.onnx` file.
        device: `"cpu"`; `"cuda"`, which fails where the GPU cannot be used; `"auto"`, CUDA where it can be used, else CPU.
        threads: Threads of one operator; as many as CPUs are available to this process if None.

    Raises:
        MissingPackageError: onnxruntime, or its GPU build for `"cuda"`, is not installed.
        ModelError: The file is no ONNX model, CUDA was asked for and cannot be used, or an argument is out of range.
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
        raise MissingPackageError(f"Expected onnxruntime with CUDA for device 'cuda', got {_way_to('gpu', 'it without')}.")
    if device != "cpu" and has_cuda:
        session = _open_on_cuda(runtime, path, options, required=device == "cuda")
        if session is not None:
            return session
    return _open(runtime, path, options, [CPU])


def on_cuda(session: Any) -> bool:
    """Whether a session computes on a GPU."""
    return CUDA in session.get_providers()


def run_session(session: Any, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of one batch.

    Raises:
        ModelError: ONNX Runtime could not compute them, for instance because memory was full.
    """
    try:
        values: list[np.ndarray] = session.run(outputs, inputs)
    except Exception as error:  # onnxruntime's exceptions share no base class
        shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
        raise ModelError(
            f"Expected ONNX Runtime to score a batch of {shapes}, got: {_one_line(error)}; a smaller batch needs less memory."
        ) from error
    return values


def import_onnxruntime(part: str = "") -> ModuleType:
    """ONNX Runtime without its telemetry, unless the user has set `ORT_DISABLE_TELEMETRY` to something else; or one of its modules.

    Raises:
        MissingPackageError: It is not installed, or only parts of it are.
    """
    try:
        with setting(TELEMETRY, "1"):
            onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise MissingPackageError(
            f"Scoring needs onnxruntime ({error}): pip install 'dreamkeras[cpu]', or 'dreamkeras[gpu]' on a GPU machine."
        ) from None
    if not hasattr(onnxruntime, "InferenceSession"):  # what uninstalling one of two packages leaves
        raise MissingPackageError(f"Scoring needs onnxruntime, got {_way_to('cpu', 'parts of one')}.")
    onnxruntime.set_default_logger_severity(ERRORS_ONLY)
    return importlib.import_module(f"onnxruntime.{part}") if part else onnxruntime


def _way_to(extra: str, came: str) -> str:
    """The installed packages in place of an extra's build, and the commands that repair it."""
    found = [package for package in PACKAGES if _is_installed(package)]
    came = "both onnxruntime and onnxruntime-gpu, of which the last one installed wins" if len(found) > 1 else came
    return f"{came}: pip uninstall -y {' '.join(found or PACKAGES)}; pip install 'dreamkeras[{extra}]'"


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _open_on_cuda(runtime: ModuleType, path: str, options: Any, *, required: bool) -> Any:
    """A session whose providers really hold CUDA; None where they do not and nobody insists."""
    reason = "its session runs without it (driver, CUDA or cuDNN missing?)"
    with contextlib.redirect_stdout(io.StringIO()):  # both calls print their troubles into what are our results
        if hasattr(runtime, "preload_dlls"):  # from 1.21 on
            runtime.preload_dlls()
        try:
            session = _open(runtime, path, options, [(CUDA, CUDA_OPTIONS), CPU])
        except ModelError as error:
            session, reason = None, str(error)
    if session is not None and on_cuda(session):
        return session
    if required:
        raise ModelError(f"Expected CUDA for device 'cuda', got none: {reason}")
    return None


def _open(runtime: ModuleType, path: str, options: Any, providers: list[Any]) -> Any:
    try:
        return runtime.InferenceSession(path, options, providers=providers, enable_fallback=0)
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no base class
        raise ModelError(f"Expected an ONNX model in {path}, got a file that ONNX Runtime cannot open ({_one_line(error)}).") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
