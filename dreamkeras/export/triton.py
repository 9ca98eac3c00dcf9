"""An exported model in a model repository of NVIDIA's Triton Inference Server: its folder, its version and its `config.pbtxt`."""

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
"""Rows of a batch. A window of DREAM-CNN takes 4 MB of memory, and a CPU gains nothing beyond `BATCH_SIZE`."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
FILE, CONFIG = "model.onnx", "config.pbtxt"
VERSION = re.compile(r"[1-9][0-9]*")


class TritonVersion(NamedTuple):
    """A version of a Triton model that is being written.

    Args:
        file: Where its ONNX file will be.
        unfinished: Where to write that until then.
    """

    file: Path
    unfinished: Path


@contextmanager
def triton_version(repository: str | os.PathLike[str], name: str, device: str = "cpu") -> Iterator[TritonVersion]:
    """A place for an ONNX model, which is the newest version of a Triton model once the `with` block has ended well.

    The first version brings the model's `config.pbtxt`. Further ones leave it as it stands, edited or not, and have to take and answer
    what it says. Under the model's name all appears whole or not at all.

    Args:
        repository: The model repository, a folder; made if there is none.
        name: What Triton is to call the model.
        device: `"cpu"`, `"gpu"`, or `"tensorrt"`, a GPU with TensorRT; of a new model.

    Raises:
        ModelError: The name or the device cannot be one, or the model there takes or answers something else.
        DreamkerasError: The repository cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ModelError(f"Expected a model's name of letters, digits, '.', '_' and '-', at most 128, got {name!r}: give another --name.")
    if device not in TRITON_DEVICES:
        raise ModelError(f"Expected a Triton device of {', '.join(TRITON_DEVICES)}, got {device!r}.")
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
            raise ModelError(f"Expected a model of {written} as in {folder / CONFIG}, got one of {signature}: give another --name.")


def copy_onnx(model: str | os.PathLike[str], output: Path) -> ModelDescription:
    """Copies a model that is exported already.

    Raises:
        ModelError: It is none of ours.
    """
    description = _describe(Path(model))
    shutil.copyfile(model, output)
    return description


def config_text(name: str, description: ModelDescription, device: str = "cpu") -> str:
    """The `config.pbtxt` of a model.

    Args:
        name: What Triton calls it.
        description: What the ONNX file says of itself.
        device: One of `TRITON_DEVICES`.

    Returns:
        The text; its first line lets `triton_version` see which models go with it.
    """
    length, rows = description.construct.length, MOST_ROWS[device]
    outputs = ",\n".join(f"  {_tensor(output, 'FP32', width)}" for output, width in description.outputs.items())
    return f"""{SIGNATURE}{json.dumps(_signature(description))}
name: "{name}"
backend: "onnxruntime"
max_batch_size: {rows}
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
    max_queue_size: 4096 # requests; further ones are refused at once
  }}
}}
model_warmup [
  {_warmup("one", 1, length)},
  {_warmup("full", rows, length)}
]
{_tuning(device, length)}"""


SIGNATURE = "# dreamkeras "


def _signature(description: ModelDescription) -> dict[str, int]:
    """Width of each tensor, by name: models of one signature can be versions of one Triton model."""
    return {"letters": description.construct.length, **description.outputs}


def _signature_of(config: Path) -> dict[str, int]:
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    first, *_ = text.splitlines() or [""]
    with suppress(ValueError):
        if first.startswith(SIGNATURE) and isinstance(signature := json.loads(first.removeprefix(SIGNATURE)), dict):
            return signature
    raise ModelError(f"Expected a first line in {config} that begins with '{SIGNATURE}{{', got {first[:40]!r}: give another --name.")


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
    """What ONNX Runtime is told on a device."""
    if device == "cpu":
        return """# 0 is as many threads as the machine has cores; in a container with fewer CPUs, write their number.
parameters { key: "intra_op_thread_count" value { string_value: "0" } }
"""
    # As a parameter of the model: Triton reads it after the accelerator "cuda", and would put the exhaustive search in its place.
    search = """# 1, heuristic: the exhaustive search takes up to a second for each new batch size.
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
      # Engines take minutes to build; keep them where the server may write.
      parameters {{ key: "trt_engine_cache_enable" value: "1" }}
      parameters {{ key: "trt_engine_cache_path" value: "/tmp/tensorrt" }}
    }} ]
  }}
}}
"""
