"""ServedModel: one version of a model, open and tried, and what it takes and answers in the protocol's words."""

import time

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.scoring.predictor import OnnxPredictor
from dreamkeras.scoring.scorer import check_letters
from dreamkeras.scoring.session import run_session
from dreamkeras.sequence.alphabet import IS_LETTER, N
from dreamkeras.sequence.ragged import Ragged

from .jobs import Answers
from .pace import Pace
from .statistics import Statistics
from .tensors import BYTES, ProtocolError, Tensor, TensorSpec

__all__ = ["LETTERS", "SEQUENCES", "ServedModel"]

SEQUENCES = "sequences"
"""The input of strings, which the server cuts into the model's window."""

LETTERS = "letters"
"""The input of windows that are cut already; the exported graph's own."""

TRIALS = 2


class ServedModel:
    """A model that answers requests.

    Args:
        name: What clients call it.
        version: Likewise; a whole number.
        predictor: The open model.
        statistics: Where its requests are counted.
    """

    def __init__(self, name: str, version: str, predictor: OnnxPredictor, statistics: Statistics) -> None:
        self.name = name
        self.version = version
        self.predictor = predictor
        self.statistics = statistics
        self.pace = Pace()
        length = predictor.construct.length
        self.inputs = (
            TensorSpec(SEQUENCES, BYTES, (-1, 1)),
            TensorSpec(SEQUENCES, BYTES, (-1,)),
            TensorSpec(LETTERS, "UINT8", (-1, length)),
        )
        self.outputs = tuple(TensorSpec(output, "FP32", (-1, width)) for output, width in predictor.description.outputs.items())
        self._names = [spec.name for spec in self.outputs]

    def answer(self, windows: np.ndarray) -> Answers:
        """All outputs of a batch of windows uint8 (n, length).

        Raises:
            ModelError: ONNX Runtime could not score it.
        """
        return dict(zip(self._names, run_session(self.predictor.session, self._names, {LETTERS: windows}), strict=True))

    def windows(self, name: str, tensor: Tensor) -> np.ndarray:
        """The windows uint8 (n, length) of an input.

        Args:
            name: `SEQUENCES` or `LETTERS`.
            tensor: Strings, or windows, of which the letters have not been looked at.

        Raises:
            ProtocolError: A sequence does not fit the construct, or a window holds no letters; with its index, from 0.
        """
        try:
            return self._cut(tensor) if isinstance(tensor, list) else self._check(tensor)
        except InputError as error:
            raise ProtocolError(f"{error} Input: {name!r}.") from None

    def _cut(self, texts: list[bytes]) -> np.ndarray:
        construct = self.predictor.construct
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self._check_lengths(lengths)
        packed = Ragged.from_lengths(np.frombuffer(b"".join(texts), np.uint8), lengths)
        first = _first_illegal(packed)
        # Of strangers' bytes one sequence is looked into: the memory that telling all illegal letters takes is a multiple of theirs.
        problems = construct.problems(packed if first is None else packed.select(np.array([first])))
        if problems:
            index = min(problems)
            raise InputError(f"{problems[index]} in the sequence at index {index if first is None else first}.")
        return construct.windows(packed)

    def _check_lengths(self, lengths: np.ndarray) -> None:
        construct = self.predictor.construct
        most = construct.longest + len(construct.left_adapter) + len(construct.right_adapter)
        if lengths.max() > most:
            index = int(lengths.argmax())
            raise InputError(f"Expected at most {most} bases, adapters included, got {lengths[index]} in the sequence at index {index}.")

    def _check(self, letters: np.ndarray) -> np.ndarray:
        check_letters(letters, self.predictor.construct.length)
        return letters

    def warm_up(self, rows: int) -> None:
        """Scores a batch of one and some of `rows` windows of N, so that no client waits for that, and times the last one.

        Raises:
            ModelError: The model cannot score them.
        """
        windows = np.full((rows, self.predictor.construct.length), N, np.uint8)
        self.answer(windows[:1])
        for _ in range(TRIALS):
            begun = time.perf_counter()
            self.answer(windows)
            took = time.perf_counter() - begun
        self.pace.add(rows, took)


def _first_illegal(packed: Ragged) -> int | None:
    """The first sequence that holds what is no letter of DNA."""
    legal = IS_LETTER[packed.flat]
    return None if legal.all() else int(packed.owner(legal.argmin()))
