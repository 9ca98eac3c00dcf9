"""ServedModel: one loaded version of a model, with its inputs and outputs as tensors of the Open Inference Protocol."""

import math

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.scoring.model_file import LETTERS_INPUT
from dreamkeras.scoring.predictor import OnnxPredictor
from dreamkeras.scoring.scorer import BATCH_SIZE, check_letters
from dreamkeras.scoring.tuning import BATCH_SIZES, tune
from dreamkeras.sequence.alphabet import N
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.small_batches import SMALL_BATCH, cut_small_batch

from .errors import ProtocolError
from .protocol.tensors import BYTES, Tensor, TensorSpec
from .queue.jobs import Answers
from .statistics import ScoringSpeed, Statistics

__all__ = ["SEQUENCES", "ServedModel"]

SEQUENCES = "sequences"
"""Name of the input that takes sequences as strings. The server turns the sequences into windows."""

SECONDS = 0.05
"""Time in seconds for measuring one batch size when a model is loaded."""


class ServedModel:
    """One version of a model, loaded for serving.

    Args:
        name: Name of the model.
        version: Version of the model, a positive integer as a string.
        predictor: The opened model.
        statistics: Counters of the model's requests.

    Attributes:
        speed: Recent scoring speed.
        batch_rows: Fastest batch size, in rows.
        device: Device that scores the model, "cpu" or "cuda".
        at_once: Number of batches that the device scores at the same time. A GPU scores one batch at a time for all models.
    """

    def __init__(self, name: str, version: str, predictor: OnnxPredictor, statistics: Statistics) -> None:
        self.name = name
        self.version = version
        self.predictor = predictor
        self.statistics = statistics
        self.speed = ScoringSpeed()
        self.batch_rows = BATCH_SIZE
        self.device = "cuda" if predictor.is_on_cuda else "cpu"
        self.at_once = 1 if predictor.is_on_cuda else math.inf
        self._construct = predictor.construct
        self.inputs = (
            TensorSpec(SEQUENCES, BYTES, (-1, 1)),
            TensorSpec(SEQUENCES, BYTES, (-1,)),
            TensorSpec(LETTERS_INPUT, "UINT8", (-1, self._construct.length)),
        )
        self.outputs = tuple(TensorSpec(output, "FP32", (-1, width)) for output, width in predictor.description.outputs.items())
        self._names = [spec.name for spec in self.outputs]

    def answer(self, windows: np.ndarray) -> Answers:
        """Returns all outputs by name for windows, uint8 (n, length). Raises `ModelError` if ONNX Runtime fails."""
        return dict(zip(self._names, self.predictor.run(self._names, windows, self.batch_rows), strict=True))

    def windows(self, name: str, tensor: Tensor) -> np.ndarray:
        """Returns the windows of an input tensor, uint8 (n, length).

        Args:
            name: Name of the input, `SEQUENCES` or `LETTERS_INPUT`.
            tensor: Sequences to cut into windows, or windows to check for invalid letters.

        Raises:
            ProtocolError: A sequence does not fit the construct, or a window has invalid letters. The message contains the 0-based index
                of the sequence or window.
        """
        try:
            if isinstance(tensor, list):
                return self._cut(tensor)
            check_letters(tensor, self._construct.length)
        except InputError as error:
            raise ProtocolError(f"{error} Input: {name!r}.") from None
        return tensor

    def _cut(self, texts: list[bytes]) -> np.ndarray:
        construct = self._construct
        windows = cut_small_batch(construct, texts) if len(texts) <= SMALL_BATCH else None
        if windows is not None:
            return windows
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        most = construct.longest + len(construct.left_adapter) + len(construct.right_adapter)
        if lengths.max() > most:
            index = int(lengths.argmax())
            raise InputError(f"Expected at most {most} bases, adapters included, got {lengths[index]} in the sequence at index {index}.")
        windows, problems = construct.fit(Ragged.from_lengths(np.frombuffer(b"".join(texts), np.uint8), lengths))
        if problems:
            index = min(problems)
            raise InputError(f"{problems[index]} in the sequence at index {index}.")
        return windows

    def warm_up(self, most: int) -> None:
        """Measures batches of increasing size, up to `most` rows, and keeps the fastest size.

        On a GPU the first batch of each size is slow, so batches of each size are scored once before the model is available to clients.

        Raises:
            ModelError: The model cannot score a batch.
        """
        sizes = [size for size in BATCH_SIZES if size <= most] or [most]
        tuned = tune(lambda _: self.predictor, [1], sizes, SECONDS)
        self.batch_rows = tuned.batch_size
        self.speed.add(tuned.batch_size, tuned.batch_size / tuned.rate)
        for rows in [2**power for power in range(self.batch_rows.bit_length())] if self.predictor.is_on_cuda else [1]:
            self.answer(np.full((rows, self._construct.length), N, np.uint8))
