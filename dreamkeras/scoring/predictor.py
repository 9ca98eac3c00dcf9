"""Letters to values: an exported model, opened and asked. Never Keras; onnxruntime from the first `load` on."""

import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.session import open_session, run_session
from dreamkeras.sequence.alphabet import IS_LETTER
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription
from dreamkeras.sequence.ragged import Ragged

__all__ = ["BATCH_SIZE", "PACKAGED_MODEL", "OnnxPredictor", "load"]

PACKAGED_MODEL = Path(__file__).with_name("pretrained") / "yeast.onnx"
"""The small model that the package ships."""

BATCH_SIZE = 64
"""Windows in one call of ONNX Runtime. DREAM-CNN is as fast with 16 as with 256 on 2 CPU cores, and takes 4 MB of memory a window."""

INPUT = ("letters", "tensor(uint8)")
OUTPUT = ("expression", "tensor(float)")
STRINGS_AT_ONCE = 8192


def load(path: str | os.PathLike[str] = PACKAGED_MODEL, device: str = "auto", threads: int | None = None) -> "OnnxPredictor":
    """Opens an exported model.

    Args:
        path: An `.onnx` file that dreamkeras exported, or a run folder that holds `model.onnx`; by default the packaged yeast model.
        device: `"auto"`, `"cpu"` or `"cuda"`; the last fails where CUDA cannot be used.
        threads: CPU threads; as many as CPUs are available to this process if None.

    Returns:
        The predictor.

    Raises:
        ModelError: There is no such model, it is no ONNX file or not one of ours, or CUDA cannot be used.
        MissingPackageError: onnxruntime is not installed.

    Example:
        >>> load().predict(["ACGTTGCA" * 10]).shape
        (1, 1)
    """
    file = _find_model(Path(path))
    session = open_session(str(file), device, threads)
    description = _read_description(session, file)
    _check_signature(session, description, file)
    return OnnxPredictor(session, description)


class OnnxPredictor:
    """A model that takes letters and returns expression; made by `load`.

    Calls may come from several threads at once.

    Args:
        session: The open `onnxruntime.InferenceSession`.
        description: What the model says of itself.
    """

    def __init__(self, session: Any, description: ModelDescription) -> None:
        self.session = session
        self.description = description

    @property
    def construct(self) -> Construct:
        """How sequences become the model's window."""
        return self.description.construct

    @property
    def tasks(self) -> tuple[str, ...]:
        """One name a column of the predictions."""
        return self.description.tasks

    def predict(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """The expression of sequences, each cut into the model's construct.

        Args:
            sequences: n DNA strings, in any case, with both adapters or with neither.
            batch_size: Sequences scored at once.

        Returns:
            float32 (n, tasks), in the order given.

        Raises:
            InputError: A sequence is no string or does not fit the construct; the message gives its index, from 0.
        """
        if isinstance(sequences, str | bytes):
            raise InputError(f"Expected a list of sequences, got one {type(sequences).__name__}: pass [sequence].")
        values = [np.empty((0, len(self.tasks)), np.float32)]
        remaining, first = iter(sequences), 0
        while texts := list(itertools.islice(remaining, STRINGS_AT_ONCE)):
            values.append(self.score_letters(self._cut(texts, first), batch_size))
            first += len(texts)
        return np.concatenate(values)

    def score_letters(self, letters: np.ndarray, batch_size: int = BATCH_SIZE, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """The expression of windows that are cut already.

        Args:
            letters: uint8 (n, length), ASCII codes of DNA letters.
            batch_size: Windows scored at once.
            progress: Told after each batch how many windows it had.

        Returns:
            float32 (n, tasks).

        Raises:
            InputError: The array has another type, shape or letters, or `batch_size` is below 1.
            ModelError: ONNX Runtime could not score a batch.
        """
        if batch_size < 1:
            raise InputError(f"Expected a batch_size of at least 1, got {batch_size}.")
        _check_letters(letters, self.construct.length)
        values = np.empty((len(letters), len(self.tasks)), np.float32)
        for first in range(0, len(letters), batch_size):
            batch = np.ascontiguousarray(letters[first : first + batch_size])
            values[first : first + batch_size] = run_session(self.session, OUTPUT[0], {INPUT[0]: batch})
            if progress:
                progress(len(batch))
        return values

    def _cut(self, texts: list[str], first: int) -> np.ndarray:
        for index, text in enumerate(texts, first):
            if not isinstance(text, str):
                raise InputError(f"Expected sequences to be strings, got {type(text).__name__} at index {index}.")
        packed = Ragged.from_strings(texts)
        if problems := self.construct.problems(packed):
            index = min(problems)
            raise InputError(f"{problems[index]} in the sequence at index {first + index}.")
        return self.construct.windows(packed)


def _find_model(path: Path) -> Path:
    if path.is_dir():
        file = path / "model.onnx"
        if not file.is_file():
            raise ModelError(f"Expected a run folder with a model.onnx, got {path} without one: dreamkeras export {path}")
        return file
    if path.is_file():
        return path
    raise ModelError(f"Expected an .onnx file or a run folder, got {path}, which does not exist.")


def _read_description(session: Any, file: Path) -> ModelDescription:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(f"Expected a model that dreamkeras exported, got an ONNX file without our metadata: {file}")
    try:
        return ModelDescription.from_json(text)
    except ModelError as error:
        raise ModelError(f"{error} File: {file}") from None


def _check_signature(session: Any, description: ModelDescription, file: Path) -> None:
    """Refuses graphs whose input and output are not those of the description."""
    sides = (
        ("input", session.get_inputs(), INPUT, description.construct.length),
        ("output", session.get_outputs(), OUTPUT, len(description.tasks)),
    )
    for side, tensors, (name, kind), width in sides:
        came = "; ".join(f"{tensor.name} {tensor.type} {tensor.shape}" for tensor in tensors)
        if len(tensors) != 1 or (tensors[0].name, tensors[0].type) != (name, kind) or not _fits(tensors[0].shape, width):
            raise ModelError(f"Expected one {side} `{name} {kind} [batch, {width}]`, got `{came}` in {file}.")


def _fits(shape: list[int | str | None], width: int) -> bool:
    """Whether a shape is [open, width]; exporters may leave the width open too, but not give another."""
    return len(shape) == 2 and not isinstance(shape[0], int) and (shape[1] == width or not isinstance(shape[1], int))


def _check_letters(letters: np.ndarray, length: int) -> None:
    if not isinstance(letters, np.ndarray) or letters.dtype != np.uint8 or letters.ndim != 2 or letters.shape[1] != length:
        came = f"{letters.dtype} {letters.shape}" if isinstance(letters, np.ndarray) else type(letters).__name__
        raise InputError(f"Expected letters as a uint8 array (n, {length}), got {came}; `predict` takes strings.")
    legal = IS_LETTER[letters]
    if not legal.all():  # token ids 0 to 3 would pass for N everywhere
        row, column = np.argwhere(~legal)[0]
        raise InputError(f"Expected ASCII codes of DNA letters, got {letters[row, column]} at row {row}, column {column}.")
