"""Adds exported models to a model repository of NVIDIA's Triton Inference Server, with a `config.pbtxt` for each model."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from dreamkeras.errors import ModelError
from dreamkeras.files.folders import open_folder
from dreamkeras.models.names import TRITON_DEVICES
from dreamkeras.scoring.predictor import load
from dreamkeras.scoring.scorer import BATCH_SIZE
from dreamkeras.sequence.description import ModelDescription

__all__ = ["TritonVersion", "config_text", "copy_onnx", "triton_version"]

MOST_ROWS = {"cpu": 4 * BATCH_SIZE, "gpu": 1024, "tensorrt": 1024}
"""Maximum number of windows in a batch, by device. DREAM-CNN requires 4 MB of memory for each window, and batches larger than `BATCH_SIZE`
are no faster on CPUs."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
FILE, CONFIG = "model.onnx", "config.pbtxt"
VERSION = re.compile(r"[1-9][0-9]*")


class TritonVersion(NamedTuple):
    """A new version of a Triton model.

    Args:
        file: Final path of the ONNX file.
        unfinished: Temporary path to write the ONNX file to.
    """

    file: Path
    unfinished: Path


@contextmanager
def triton_version(repository: str | os.PathLike[str], name: str, device: str = "cpu") -> Iterator[TritonVersion]:
    """Context manager that adds a version to a Triton model when the `with` block ends without an error.

    For a new model, `config.pbtxt` is written as well. For an existing model, `config.pbtxt` and the user's edits to it stay unchanged, and
    the new version must have the inputs and outputs listed in `config.pbtxt`. If the `with` block raises an error, the repository is
    unchanged.

    Args:
        repository: Folder of the model repository. The folder is created if necessary.
        name: Name of the model in Triton.
        device: Device of a new model: `"cpu"`, `"gpu"`, or `"tensorrt"` for a GPU with TensorRT.

    Raises:
        ModelError: The name or the device is not valid, or the existing model has other inputs or outputs.
        DreamkerasError: The repository cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ModelError(f"Expected a model name of up to 128 letters, digits, '.', '_' and '-', got {name!r}: choose another --name.")
    if device not in TRITON_DEVICES:
        raise ModelError(f"Expected the Triton device to be one of {', '.join(TRITON_DEVICES)}, got {device!r}.")
    folder = Path(repository) / name
    if not folder.exists():
        with open_folder(folder) as unfinished:
            (unfinished / "1").mkdir()
            file = unfinished / "1" / FILE
            yield TritonVersion(folder / "1" / FILE, file)
            (unfinished / CONFIG).write_text(config_text(name, _describe(file), device), encoding="ascii")
        return
    written = _signature_of(folder / CONFIG)
    versions = [int(entry.name) for entry in folder.iterdir() if VERSION.fullmatch(entry.name)]
    newest = folder / str(max(versions, default=0) + 1)
    with open_folder(newest) as unfinished:
        file = unfinished / FILE
        yield TritonVersion(newest / FILE, file)
        signature = _signature(_describe(file))
        if signature != written:
            wanted = f"{written}, as in {folder / CONFIG}"
            raise ModelError(f"Expected a model with the inputs and outputs {wanted}, got {signature}: choose another --name.")


def copy_onnx(model: str | os.PathLike[str], output: Path) -> ModelDescription:
    """Copies an exported model and returns its description.

    Raises:
        ModelError: The file was not exported by dreamkeras.
    """
    description = _describe(Path(model))
    shutil.copyfile(model, output)
    return description


def config_text(name: str, description: ModelDescription, device: str = "cpu") -> str:
    """Returns the contents of `config.pbtxt` for a model.

    Args:
        name: Name of the model in Triton.
        description: The description of the ONNX file.
        device: One of `TRITON_DEVICES`.

    Returns:
        The text. The first line of the text describes the model's inputs and outputs, which `triton_version` compares with those of new
        versions.
    """
    length, rows = description.construct.length, MOST_ROWS[device]
    outputs = ",\n".join(f"  {_tensor(output, 'FP32', width)}" for output, width in description.outputs.items())
    return f"""{SIGNATURE}{json.dumps(_signature(description))}
name: "{name}"
backend: "onnxruntime"
max_batch_size: {rows}
version_policy: {{ all {{}} }} # without a policy, Triton serves only the newest version
input [
  {_tensor("letters", "UINT8", length)}
]
output [
{outputs}
]
instance_group [
  {{ count: 1 kind: {"KIND_CPU" if device == "cpu" else "KIND_GPU"} }}
]
dynamic_batching {{
  max_queue_delay_microseconds: 1000
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: 10000000
    allow_timeout_override: true
    max_queue_size: 4096 # further requests are rejected immediately
  }}
}}
model_warmup [
  {_warmup("one", 1, length)},
  {_warmup("full", rows, length)}
]
{_tuning(device, length)}"""


SIGNATURE = "# dreamkeras "


def _signature(description: ModelDescription) -> dict[str, int]:
    """Returns a dictionary that maps the name of each input and output to its number of values per sequence.

    All versions of a Triton model must have the same signature.
    """
    return {"letters": description.construct.length, **description.outputs}


def _signature_of(config: Path) -> dict[str, int]:
    text = config.read_text("utf-8", "replace") if config.is_file() else ""
    first, *_ = text.splitlines() or [""]
    with suppress(ValueError):
        if first.startswith(SIGNATURE) and isinstance(signature := json.loads(first.removeprefix(SIGNATURE)), dict):
            return signature
    raise ModelError(
        f"Expected {config} to begin with a list of inputs and outputs, '{SIGNATURE}{{', got {first[:40]!r}: choose another --name."
    )


def _describe(file: Path) -> ModelDescription:
    return load(file, device="cpu").description


def _tensor(name: str, datatype: str, width: int) -> str:
    return f'{{ name: "{name}" data_type: TYPE_{datatype} dims: [ {width} ] }}'


def _warmup(name: str, rows: int, length: int) -> str:
    return (
        f'{{ name: "{name}" batch_size: {rows} inputs {{ key: "letters" value '
        f"{{ data_type: TYPE_UINT8 dims: [ {length} ] random_data: true }} }} }}"
    )


def _tuning(device: str, length: int) -> str:
    """Returns the options of ONNX Runtime for a device."""
    if device == "cpu":
        return """# 0 starts one thread for each core of the machine. In a container with fewer CPUs, set the value to their number.
parameters { key: "intra_op_thread_count" value { string_value: "0" } }
"""
    # The search is set as a parameter of the model. As an option of the accelerator "cuda", Triton would replace the setting with the
    # exhaustive search.
    search = """# 1 selects the heuristic search for convolution algorithms. The exhaustive search takes up to a second per new batch size.
parameters { key: "cudnn_conv_algo_search" value { string_value: "1" } }
"""
    if device == "gpu":
        return search
    shapes = {"min": 1, "opt": 256, "max": MOST_ROWS[device]}
    profile = "\n".join(
        f'      parameters {{ key: "trt_profile_{name}_shapes" value: "letters:{rows}x{length}" }}' for name, rows in shapes.items()
    )
    return f"""{search}optimization {{
  execution_accelerators {{
    gpu_execution_accelerator [ {{
      name: "tensorrt"
      parameters {{ key: "precision_mode" value: "FP32" }}
{profile}
      # TensorRT engines take minutes to build. The server must have write access to this folder.
      parameters {{ key: "trt_engine_cache_enable" value: "1" }}
      parameters {{ key: "trt_engine_cache_path" value: "/tmp/tensorrt" }}
    }} ]
  }}
}}
"""
