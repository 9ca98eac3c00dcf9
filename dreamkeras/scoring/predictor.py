"""Opens exported models and predicts from sequences.

The module imports onnxruntime when the first model is loaded. The module does not import Keras.
"""

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
"""Path of the small yeast model that is part of the package."""

PART = 8
"""Minimum number of windows that one thread scores.

With fewer windows per thread, the overhead of calls to ONNX Runtime exceeds the gain.
"""

ModelPath = str | os.PathLike[str]


@overload  # mypy: a string is also a sequence of strings, but a string passed to `load` is always a single path
def load(  # type: ignore[overload-overlap]
    path: ModelPath = PACKAGED_MODEL, device: str = "auto", threads: int | None = None
) -> "OnnxPredictor": ...


@overload
def load(path: Sequence[ModelPath], device: str = "auto", threads: int | None = None) -> Ensemble: ...


def load(path: ModelPath | Sequence[ModelPath] = PACKAGED_MODEL, device: str = "auto", threads: int | None = None) -> Scorer:
    """Opens an exported model, or several models as an ensemble.

    Args:
        path: An `.onnx` file exported by dreamkeras, or a run folder with a `model.onnx`. Defaults to the packaged yeast model.
            A list of paths opens an ensemble, whose predictions are the means over its models.
        device: `"auto"`, `"cpu"` or `"cuda"`. `"auto"` uses CUDA if available; `"cuda"` raises an error if CUDA cannot be used.
        threads: Number of CPU threads, each of which scores a part of a batch. If None, all CPUs available to this process are used.

    Returns:
        An `OnnxPredictor`, or an `Ensemble` if `path` is a list.

    Raises:
        ModelError: A model does not exist or was not exported by dreamkeras, CUDA cannot be used, or the models of a list
            predict different tasks.
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
    """Predicts expression from sequences with one exported model. Create it with `load`.

    A predictor may be called from several threads, but not in a process that was forked after the first call. On CPUs, each thread scores
    a separate part of a batch, which is faster than sharing every operator among all threads.

    Attributes:
        session: The `onnxruntime.InferenceSession`.
        description: Description of the model, from the metadata of the model file.
        is_on_cuda: Whether the model runs on a GPU.
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
        """Name of the model."""
        return self.description.name

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """The construct of the model, as a tuple of length 1."""
        return (self.description.construct,)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, one for each column of the predictions."""
        return self.description.tasks

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each task."""
        return self.description.units

    @property
    def has_spread(self) -> bool:
        """Whether the model file contains an ensemble, which also predicts standard deviations."""
        return len(self._outputs) > 1

    @property
    def calibration(self) -> Mapping[str, Any]:
        """Calibration that is stored in the model file, or an empty mapping."""
        return self.description.calibration

    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Returns the predictions for n windows, float32 (n, predicted columns).

        `windows` contains one array. See `Scorer.score_windows` for the arguments.
        """
        (letters,) = windows
        values = np.empty((len(letters), len(self.predicted_columns)), np.float32)
        return self._answer(self._outputs, letters, values, batch_size, progress)

    def predict_profiles(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Predicts the profiles of n sequences, float32 (n, positions). For windows instead of sequences, see `score_profiles`.

        Raises:
            InputError: A sequence is not a string or does not fit the construct. The message gives the index of the sequence, counted
                from 0.
            ModelError: The model does not predict profiles.
        """
        self._check_profile()
        parts = [self.score_profiles(letters, batch_size) for (letters,) in self._cut(sequences)]
        return np.concatenate([np.empty((0, self.description.outputs["profile"]), np.float32), *parts])

    def score_profiles(self, letters: np.ndarray, batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Predicts the profiles of n windows. A profile is the share of reads at each position in the middle of a window.

        Args:
            letters: Windows of the construct as ASCII codes of DNA letters, uint8 (n, length).
            batch_size: Number of windows scored at a time.

        Returns:
            float32 (n, positions). Each row sums to 1.

        Raises:
            InputError: The array has the wrong type or shape, a character is not a DNA letter, or `batch_size` is below 1.
            ModelError: The model does not predict profiles, or ONNX Runtime could not score a batch.
        """
        self._check_profile()
        check_letters(letters, self.construct.length)
        values = np.empty((len(letters), self.description.outputs["profile"]), np.float32)
        return self._answer(["profile"], letters, values, batch_size)

    def _answer(
        self, outputs: list[str], letters: np.ndarray, values: np.ndarray, batch_size: int, progress: Progress | None = None
    ) -> np.ndarray:
        """Fills `values` with the given outputs of the graph, concatenated along the columns, and returns `values`.

        Threads score parts of a batch in parallel.
        """
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
        """Runs the graph on one batch and returns the requested outputs, float32 (n, width) each.

        Args:
            outputs: Names of the graph's outputs.
            batch: Windows as a contiguous array uint8 (n, length). The letters of the batch are not checked.
            most: Maximum number of rows. On a GPU, a batch with fewer than `most` rows is padded to the next power of two, but
                not beyond `most`.

        Raises:
            ModelError: ONNX Runtime could not score the batch.
        """
        rows = len(batch)
        if self.is_on_cuda and rows < most:  # each new batch shape costs time at its first use, and GPU memory that is never freed
            filling = min(most, 1 << (rows - 1).bit_length()) - rows
            batch = np.concatenate([batch, np.full((filling, batch.shape[1]), N, np.uint8)])
        return [answer[:rows] for answer in run_session(self.session, outputs, {LETTERS_INPUT: batch})]

    def _check_profile(self) -> None:
        if self.description.profile is None:
            raise ModelError(f"The model {self.name} does not predict profiles.")
