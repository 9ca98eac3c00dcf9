"""An exported model in a model repository of NVIDIA's Triton Inference Server: its folder, its version and its `config.pbtxt`."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dreamkeras.errors import ModelError
from dreamkeras.scoring.predictor import load
from dreamkeras.scoring.scorer import BATCH_SIZE
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.sequence.outputs import naming_output, open_folder

__all__ = ["DEVICES", "config_text", "triton_version"]

DEVICES = ("cpu", "gpu", "tensorrt")

MOST_ROWS = {"cpu": 4 * BATCH_SIZE, "gpu": 1024, "tensorrt": 1024}
"""Rows of a batch. A window of DREAM-CNN takes 4 MB of memory, and a CPU gains nothing beyond `BATCH_SIZE`."""

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
VERSION = re.compile(r"[1-9][0-9]*")


@contextmanager
def triton_version(repository: str | os.PathLike[str], name: str, device: str = "cpu") -> Iterator[Path]:
    """A file to write an ONNX model to, which is the newest version of a Triton model once the `with` block has ended well.

    The first version brings the model's `config.pbtxt`. Further ones leave it as it stands, edited or not, and have to take and answer
    what it says. What Triton sees appears whole or not at all.

    Args:
        repository: The model repository, a folder; made if there is none.
        name: What Triton is to call the model.
        device: `"cpu"`, `"gpu"`, or `"tensorrt"`, a GPU with TensorRT.

    Raises:
        ModelError: The name or the device cannot be one, or the model there takes or answers something else.
        DreamkerasError: The repository cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ModelError(f"Expected a Triton model's name of letters, digits, '.', '_' and '-', got {name!r}.")
    if device not in DEVICES:
        raise ModelError(f"Expected a Triton device of {', '.join(DEVICES)}, got {device!r}.")
    folder = Path(repository) / name
    with naming_output(str(repository)):
        Path(repository).mkdir(parents=True, exist_ok=True)
    config = folder / "config.pbtxt"
    if not folder.exists():
        with open_folder(folder) as unfinished:
            (unfinished / "1").mkdir()
            yield unfinished / "1" / "model.onnx"
            text = config_text(name, load(unfinished / "1" / "model.onnx", device="cpu").description, device)
            (unfinished / config.name).write_text(text, encoding="ascii")
        return
    written = _signature_of(config)
    with open_folder(folder / str(1 + max(map(int, filter(VERSION.fullmatch, os.listdir(folder))), default=0))) as unfinished:
        yield unfinished / "model.onnx"
        signature = _signature(load(unfinished / "model.onnx", device="cpu").description)
        if signature != written:
            raise ModelError(f"Expected a model {_shown(written)} as in {config}, got one {_shown(signature)}: give another --name.")


def config_text(name: str, description: ModelDescription, device: str = "cpu") -> str:
    """The `config.pbtxt` of a model.

    Args:
        name: What Triton calls it.
        description: What the ONNX file says of itself.
        device: One of `DEVICES`.

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
    lines = config.read_text(encoding="utf-8").splitlines() if config.is_file() else []
    if not lines or not lines[0].startswith(SIGNATURE):
        raise ModelError(f"Expected {config} to begin with the line {SIGNATURE.strip()!r} and the model's tensors, got none: give another --name.")
    signature: dict[str, int] = json.loads(lines[0].removeprefix(SIGNATURE))
    return signature


def _shown(signature: dict[str, int]) -> str:
    return "of " + ", ".join(f"{name} {width}" for name, width in signature.items())


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
