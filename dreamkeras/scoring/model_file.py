"""Finds model files, reads their descriptions, and checks the inputs and outputs of their graphs.

Functions that read from a model take an open session. The module `session` opens sessions.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dreamkeras.errors import ModelError
from dreamkeras.files.decompression import require_file_kind
from dreamkeras.files.inputs import require_file
from dreamkeras.files.kinds import ONNX
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription

__all__ = ["LETTERS_INPUT", "check_signature", "find_model_file", "read_description", "require_different", "runs_within"]

LETTERS_INPUT = "letters"
"""Name of the input of the ONNX graph. The input is an array of windows."""

NAMED = 3
"""Maximum number of run folders that a message names."""

IN_RUN = ("model.onnx", "model.keras")
"""Names of the model files in a run folder."""

INPUT = (LETTERS_INPUT, "tensor(uint8)")
OUTPUT_TYPE = "tensor(float)"


def find_model_file(path: Path) -> Path:
    """Returns the `.onnx` file of a run folder, or `path` itself if it is a file.

    Raises:
        ModelError: The path does not exist, the run folder has no `model.onnx`, or the file is recognised as another kind of file.
        InputError: The path is a pipe.
    """
    require_file(path, "a model must be a seekable file")
    file = path / "model.onnx" if path.is_dir() else path
    if file.is_file():
        require_file_kind(str(file), ONNX, ModelError)
        return file
    if path.is_dir():
        raise ModelError(f"The folder {path} has no model.onnx{_way_to_model(path)}.")
    raise ModelError(f"Expected an .onnx file or a run folder, got {path}, which does not exist.")


def require_different(models: Iterable[str | os.PathLike[str]]) -> None:
    """Checks that no model is given twice, even under two names. A repeated model would have double weight in an ensemble.

    Raises:
        ModelError: Two paths refer to the same file, or to a run folder and the model in it.
    """
    seen: dict[tuple[int, int], str | os.PathLike[str]] = {}
    for model in models:
        files = _same_files(Path(os.path.realpath(model)))
        if same := next((seen[file] for file in files if file in seen), None):
            also = "" if str(same) == str(model) else f", also as {model}"
            raise ModelError(f"The model {same} is given twice{also}.")
        seen |= dict.fromkeys(files, model)


def _same_files(path: Path) -> set[tuple[int, int]]:
    """Returns the device and inode numbers of a model file, or of both model files in its run folder."""
    folder = path if path.is_dir() else path.parent
    files = [folder / name for name in IN_RUN] if path.is_dir() or path.name in IN_RUN else [path]
    return {(found.st_dev, found.st_ino) for found in (file.stat() for file in files if file.is_file())}


def _way_to_model(folder: Path) -> str:
    """Returns advice on how to create the missing `model.onnx` of a run folder. For another folder, the run folders in it are named."""
    if (folder / "model.keras").is_file():
        return f". Create this file with `dreamkeras export {folder}`"
    if (folder / "config.json").is_file():
        return f". Create this file with `dreamkeras train --resume --out {folder}`"
    return runs_within(folder)


def runs_within(folder: Path) -> str:
    """Returns a text that names the first run folders in a folder, to append to a message. The text is empty if there are none."""
    found = sorted({file.parent for name in IN_RUN for file in folder.glob(f"*/{name}")})
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return f". Give one of the run folders in it: {', '.join(map(repr, map(str, found[:NAMED])))}{more}" if found else ""


def read_description(session: Any, file: Path) -> ModelDescription:
    """Reads the model description from the metadata of a model file.

    Raises:
        ModelError: The file has no description, or the description is not valid.
    """
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(f"The model {file} was not exported by dreamkeras: it has no dreamkeras metadata.")
    try:
        return ModelDescription.from_json(text)
    except ModelError as error:
        raise ModelError(f"{error} File: {file}") from None


def check_signature(session: Any, description: ModelDescription, file: Path) -> None:
    """Checks that the input and outputs of a graph match the description.

    Raises:
        ModelError: The input or the outputs do not match the description.
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
                f"Expected {'one' if len(wanted) == 1 else 'two'} {side}{'s' * (len(wanted) > 1)} {names}, got `{came}` in '{file}'."
            )


def _fits(shape: list[int | str | None], width: int) -> bool:
    """Returns whether a shape has two dimensions, of which the first is dynamic and the second is `width` or dynamic."""
    return len(shape) == 2 and not isinstance(shape[0], int) and (shape[1] == width or not isinstance(shape[1], int))
