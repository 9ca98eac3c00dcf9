"""NVIDIA's Triton Inference Server from the wheel of nvidia-pytriton, in a separate process, as the reference for conformance tests.

The wheel contains the server and its Python backend. This module has the toy model in the form of that backend. The wheel requires an
older NumPy and therefore a separate environment: `python -m venv FOLDER && FOLDER/bin/pip install nvidia-pytriton==0.7.0`. The variable
DREAMKERAS_PYTRITON names the folder.
"""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

MODEL = """
import numpy as np
import triton_python_backend_utils as triton

COUNTED = (b"GCgc", b"Aa")
TEXTS = {texts}


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = [tensor for tensor in map(lambda name: triton.get_input_tensor_by_name(request, name), TEXTS) if tensor is not None]
        if len(given) != 1:
            return triton.InferenceResponse(error=triton.TritonError("one input", triton.TritonError.INVALID_ARG))
        rows = given[0].as_numpy()
        strings = rows.dtype == object
        rows = [row[0] if strings else row.tobytes() for row in rows]
        if strings and not all(4 <= len(row) <= 12 and not row.upper().strip(b"ACGTN") for row in rows):
            return triton.InferenceResponse(error=triton.TritonError("no sequence", triton.TritonError.INVALID_ARG))
        counts = np.array([[sum(row.count(bytes([code])) for code in kind) for kind in COUNTED] for row in rows], np.float32)
        return triton.InferenceResponse([triton.Tensor("expression", counts)])
"""

BOTH_INPUTS = """
name: "toy"
backend: "python"
max_batch_size: 8192
input [
  { name: "sequences" data_type: TYPE_STRING dims: [ 1 ] optional: true },
  { name: "letters" data_type: TYPE_UINT8 dims: [ 12 ] optional: true }
]
output [ { name: "expression" data_type: TYPE_FP32 dims: [ 2 ] } ]
dynamic_batching { priority_levels: 4 default_priority_level: 2 }
"""


class RunningTriton(NamedTuple):
    """A running Triton server, with its HTTP and gRPC addresses."""

    http: str
    grpc: str


def write_python_model(folder: Path, config: str, inputs=("sequences", "letters")) -> None:
    """Writes the toy model for Triton's Python backend with the given configuration."""
    (folder / "1").mkdir(parents=True)
    (folder / "1/model.py").write_text(MODEL.format(texts=inputs))
    (folder / "config.pbtxt").write_text(config)


@contextlib.contextmanager
def running_triton(repository: Path, folder: Path):
    """Runs Triton with a model repository until the context ends. Skips the test if Triton is not installed."""
    home = os.environ.get("DREAMKERAS_PYTRITON")
    if not home:
        pytest.skip("DREAMKERAS_PYTRITON is not set to an environment with nvidia-pytriton")
    packages = next(Path(home).glob("lib/python3*/site-packages"))
    server = packages / "pytriton/tritonserver"
    ports = [_free_port() for _ in range(2)]
    command = [server / "bin/tritonserver", "--model-repository", repository, "--backend-directory", _backends(server, packages, folder)]
    command += ["--http-port", ports[0], "--grpc-port", ports[1], "--allow-metrics", "false", "--model-control-mode", "explicit"]
    command += ["--exit-timeout-secs", "3", "--load-model", "*", "--http-address", "127.0.0.1", "--grpc-address", "127.0.0.1"]
    # With an empty environment, since the backend would otherwise import an incompatible NumPy and return wrong values.
    environment = {"LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs"), "PATH": f"{home}/bin:/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    with open(folder / "triton.log", "wb") as log:
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)
    try:
        _wait(process, ports[0], folder / "triton.log")
        yield RunningTriton(*(f"127.0.0.1:{port}" for port in ports))
    finally:
        process.terminate()
        process.wait(60)


def _backends(server: Path, packages: Path, folder: Path) -> Path:
    """Assembles the Python backend with the stub for the environment's Python version, as the wheel does."""
    backend = folder / "backends/python"
    backend.mkdir(parents=True)
    version = packages.parent.name.removeprefix("python")
    for file in (*server.glob("backends/python/*.*"), server / "python_backend_stubs" / version / "triton_python_backend_stub"):
        (backend / file.name).symlink_to(file)
    return backend.parent


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _wait(process, port: int, log: Path) -> None:
    """Waits until the server is ready."""
    http = pytest.importorskip("tritonclient.http")
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), http.InferenceServerClient(f"127.0.0.1:{port}") as client:
            if client.is_server_ready():
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
