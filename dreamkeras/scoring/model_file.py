"""Model files: finds them, reads their description, and checks the inputs and outputs of their graphs.

Knows nothing about scoring; sessions come open.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.files.inputs import require_file
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription

__all__ = ["LETTERS_INPUT", "check_signature", "find_model_file", "read_description", "require_different"]

LETTERS_INPUT = "letters"
"""The graph's input: windows that are cut already."""

IN_RUN = ("model.onnx", "model.keras")
"""The files of a run folder that are its model."""

INPUT = (LETTERS_INPUT, "tensor(uint8)")
OUTPUT_TYPE = "tensor(float)"


def find_model_file(path: Path) -> Path:
    """The `.onnx` file of a run folder, or the file itself.

    Raises:
        ModelError: There is none.
        InputError: It is a pipe.
    """
    require_file(path, "a model is read from its end, too")
    if path.is_dir():
        file = path / "model.onnx"
        if not file.is_file():
            raise ModelError(f"Expected a run folder with a model.onnx, got {path} without one{_way_to_model(path)}.")
        return file
    if path.is_file():
        return path
    raise ModelError(f"Expected an .onnx file or a run folder, got {path}, which does not exist.")


def require_different(models: Iterable[str | os.PathLike[str]]) -> None:
    """Refuses a file of a model, or a run folder, that is given twice, also under two names: an ensemble would weigh it double.

    Raises:
        ModelError: Two are the same file, or a run folder and its model.
    """
    seen: dict[tuple[int, int], str | os.PathLike[str]] = {}
    for model in models:
        files = _same_files(Path(os.path.realpath(model)))
        if same := next((seen[file] for file in files if file in seen), None):
            also = "" if str(same) == str(model) else f", also as {model}"
            raise ModelError(f"Expected different models, got {same} twice{also}.")
        seen |= dict.fromkeys(files, model)


def _same_files(path: Path) -> set[tuple[int, int]]:
    """The device and the inode of a model's file, or of both in a run folder."""
    folder = path if path.is_dir() else path.parent
    files = [folder / name for name in IN_RUN] if path.is_dir() or path.name in IN_RUN else [path]
    return {(found.st_dev, found.st_ino) for found in (file.stat() for file in files if file.is_file())}


def _way_to_model(folder: Path) -> str:
    """The command that makes a model of a folder's content, if there is one."""
    if (folder / "model.keras").is_file():
        return f": dreamkeras export {folder}"
    return f": dreamkeras train --resume --out {folder}" if (folder / "config.json").is_file() else ""


def read_description(session: Any, file: Path) -> ModelDescription:
    """The description in a model's file.

    Raises:
        ModelError: It says nothing, or nothing that is understood here.
    """
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(f"Expected a model that dreamkeras exported, got an ONNX file without our metadata: {file}")
    try:
        return ModelDescription.from_json(text)
    except ModelError as error:
        raise ModelError(f"{error} File: {file}") from None


def check_signature(session: Any, description: ModelDescription, file: Path) -> None:
    """Refuses graphs whose input and outputs are not those of the description.

    Raises:
        ModelError: It is one.
    """
    outputs = {(name, OUTPUT_TYPE): width for name, width in description.outputs.items()}
    sides = (
        ("input", session.get_inputs(), {INPUT: description.construct.length}),
        ("output", session.get_outputs(), outputs),
    )
    for side, tensors, wanted in sides:
        kinds = [(tensor.name, tensor.type) for tensor in tensors]
        if kinds != list(wanted) or not all(_fits(tensor.shape, wanted[kind]) for tensor, kind in zip(tensors, kinds, strict=True)):
            came = "; ".join(f"{tensor.name} {tensor.type} {tensor.shape}" for tensor in tensors)
            names = " and ".join(f"`{name} {kind} [batch, {width}]`" for (name, kind), width in wanted.items())
            raise ModelError(
                f"Expected {'one' if len(wanted) == 1 else 'two'} {side}{'s' * (len(wanted) > 1)} {names}, got `{came}` in {file}."
            )


def _fits(shape: list[int | str | None], width: int) -> bool:
    """Whether a shape is [open, width]; exporters may leave the width open too, but not give another."""
    return len(shape) == 2 and not isinstance(shape[0], int) and (shape[1] == width or not isinstance(shape[1], int))
