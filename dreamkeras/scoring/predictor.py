"""Opens exported models and predicts from letters. Imports onnxruntime when the first model is loaded, never Keras."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np

from dreamkeras.errors import ModelError
from dreamkeras.scoring.cpus import thread_count
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.model_file import LETTERS_INPUT, check_signature, find_model_file, read_description, require_different
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer, check_batch_size, check_letters
from dreamkeras.scoring.session import on_cuda, open_session, run_session
from dreamkeras.sequence.alphabet import N
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription

__all__ = ["BATCH_SIZE", "PACKAGED_MODEL", "OnnxPredictor", "load"]

PACKAGED_MODEL = Path(__file__).with_name("pretrained") / "yeast.onnx"
"""The small model that the package ships."""

PART = 8
"""Windows in the smallest part of a batch that is a thread's: with fewer, more time goes to calls of ONNX Runtime than they save."""

ModelPath = str | os.PathLike[str]


@overload  # a string is a sequence of strings, too, but never meant so
def load(  # type: ignore[overload-overlap]
    path: ModelPath = PACKAGED_MODEL, device: str = "auto", threads: int | None = None
) -> "OnnxPredictor": ...


@overload
def load(path: Sequence[ModelPath], device: str = "auto", threads: int | None = None) -> Ensemble: ...


def load(path: ModelPath | Sequence[ModelPath] = PACKAGED_MODEL, device: str = "auto", threads: int | None = None) -> Scorer:
    """Opens an exported model, or several as an ensemble.

    Args:
        path: An `.onnx` file that dreamkeras exported, or a run folder that holds `model.onnx`; by default the packaged yeast model.
            A list of them is an ensemble: its predictions are the models' means.
        device: `"auto"`, `"cpu"` or `"cuda"`; the last fails where CUDA cannot be used.
        threads: CPU threads, each of which scores a part of a batch; as many as CPUs are available to this process if None.

    Returns:
        The predictor, or an `Ensemble` for a list.

    Raises:
        ModelError: There is no such model, it is no ONNX file or not one of ours, CUDA cannot be used, or models of a
            list predict different things.
        MissingPackageError: onnxruntime is not installed.

    Example:
        >>> load().predict(["ACGTTGCA" * 10]).shape
        (1, 1)
    """
    if not isinstance(path, str | os.PathLike):
        path = list(path)
        require_different(path)
        return Ensemble([load(member, device, threads) for member in path])
    file = find_model_file(Path(path))
    count = thread_count(threads)
    session = open_session(str(file), device, threads=1)
    description = read_description(session, file)
    check_signature(session, description, file)
    return OnnxPredictor(session, description, count)


class OnnxPredictor(Scorer):
    """A model that takes letters and returns expression; made by `load`.

    Calls may come from several threads at once, but not from a process that was forked after the first of them. On CPUs, each of some
    threads scores a part of a batch: that wastes less than all of them on every operator. `is_on_cuda` tells whether a GPU computes.
    """

    def __init__(self, session: Any, description: ModelDescription, threads: int = 1) -> None:
        self.session = session
        self.description = description
        self._outputs = [name for name in description.outputs if name != "profile"]
        self.is_on_cuda = on_cuda(session)
        self._threads = 1 if self.is_on_cuda else threads
        self._map = ThreadPoolExecutor(self._threads, "part").map if self._threads > 1 else map

    @property
    def name(self) -> str:
        """The model's name."""
        return self.description.name

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """How sequences become the model's window."""
        return (self.description.construct,)

    @property
    def tasks(self) -> tuple[str, ...]:
        """One name a column of the predictions."""
        return self.description.tasks

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each task."""
        return self.description.units

    @property
    def has_spread(self) -> bool:
        """Whether the file is an ensemble's."""
        return len(self._outputs) > 1

    @property
    def calibration(self) -> Mapping[str, Any]:
        """From the model's file."""
        return self.description.calibration

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, columns), from one array of windows; see `Scorer` for the rest."""
        (letters,) = windows
        values = np.empty((len(letters), len(self.columns)), np.float32)
        return self._answer(self._outputs, letters, values, batch_size, progress)

    def predict_profiles(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """How the reads of sequences spread over the positions in the middle of their windows; as `score_profiles`, for strings.

        Raises:
            InputError: A sequence is no string or does not fit the construct; the message gives its index, from 0.
            ModelError: The model answers no profile.
        """
        self._check_profile()
        parts = [self.score_profiles(letters, batch_size) for (letters,) in self._cut(sequences)]
        return np.concatenate([np.empty((0, self.description.outputs["profile"]), np.float32), *parts])

    def score_profiles(self, letters: np.ndarray, batch_size: int = BATCH_SIZE) -> np.ndarray:
        """float32 (n, positions): how reads of n windows, uint8 (n, length), spread over the positions in their middle; a row sums to 1.

        Raises:
            InputError: The array has another type, shape or letters, or `batch_size` is below 1.
            ModelError: The model answers no profile, or ONNX Runtime could not score a batch.
        """
        self._check_profile()
        check_letters(letters, self.construct.length)
        values = np.empty((len(letters), self.description.outputs["profile"]), np.float32)
        return self._answer(["profile"], letters, values, batch_size)

    def _answer(
        self, outputs: list[str], letters: np.ndarray, values: np.ndarray, batch_size: int, progress: Progress | None = None
    ) -> np.ndarray:
        """Fills `values` with these outputs side by side, part by part of a batch."""
        check_batch_size(batch_size)
        most = min(batch_size, max(PART, -(-min(batch_size, len(letters)) // self._threads)))

        def score(first: int) -> int:
            answers = self.run(outputs, np.ascontiguousarray(letters[first : first + most]), most)
            rows = len(answers[0])
            for answer, columns in zip(answers, np.split(values, len(outputs), axis=1), strict=True):
                columns[first : first + rows] = answer
            return rows

        for rows in self._map(score, range(0, len(letters), most)):
            if progress:
                progress(rows)
        return values

    def run(self, outputs: list[str], batch: np.ndarray, most: int) -> list[np.ndarray]:
        """Some of the graph's outputs, float32 (n, width) each, for one batch, uint8 (n, length), contiguous, which is not checked.

        On a GPU, a batch of fewer rows than `most` is filled up to a power of two.

        Raises:
            ModelError: ONNX Runtime could not score it.
        """
        rows = len(batch)
        if self.is_on_cuda and rows < most:  # each further shape costs a GPU time once, and memory that it never gives back
            filling = min(most, 1 << (rows - 1).bit_length()) - rows
            batch = np.concatenate([batch, np.full((filling, batch.shape[1]), N, np.uint8)])
        return [answer[:rows] for answer in run_session(self.session, outputs, {LETTERS_INPUT: batch})]

    def _check_profile(self) -> None:
        if self.description.profile is None:
            raise ModelError(f"Expected a model that answers a profile, got {self.name}.")
