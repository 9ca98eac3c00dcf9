"""Base class of everything that predicts from sequences: single models, ensembles and scorers that wrap them.

`Scorer` cuts strings into windows, and its subclasses turn windows into columns of numbers. Does not import onnxruntime.
"""

import abc
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.sequence.alphabet import IS_LETTER
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged

__all__ = ["BATCH_SIZE", "Progress", "Scorer", "Spread", "Wrapped", "check_batch_size", "check_letters"]

BATCH_SIZE = 64
"""Default number of windows scored at a time by all threads together.

A larger default would not help on CPUs: on 2 CPUs, DREAM-CNN is as fast with a batch size of 16 as with 256.
"""

STRINGS_AT_ONCE = 8192

Progress = Callable[[int], None]
"""Function that is called after each batch with the number of sequences in the batch."""


class Spread(NamedTuple):
    """Predictions and their standard deviations over the members of an ensemble.

    Args:
        mean: Mean prediction, float32 (n, tasks).
        sd: Standard deviation over the members, float32 (n, tasks), or None for a single model. `ddof` is 1, because the members are a
            sample of the models that training can produce.
    """

    mean: np.ndarray
    sd: np.ndarray | None


class Scorer(abc.ABC):
    """A model or an ensemble that predicts expression from sequences."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Name of the model in messages."""

    @property
    @abc.abstractmethod
    def constructs(self) -> tuple[Construct, ...]:
        """The distinct constructs by which sequences are converted to windows. Only an ensemble can have several constructs."""

    @property
    @abc.abstractmethod
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, one for each column of the predictions."""

    @property
    @abc.abstractmethod
    def units(self) -> tuple[str, ...]:
        """Unit of each task."""

    @property
    @abc.abstractmethod
    def has_spread(self) -> bool:
        """Whether the predictions have standard deviations."""

    @property
    def members(self) -> tuple["Scorer", ...]:
        """The models of an ensemble. For every other scorer, also for an ensemble in one file, the only member is the scorer itself."""
        return (self,)

    @abc.abstractmethod
    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Scores sequences that are already cut into windows, and returns `predicted_columns`.

        Args:
            windows: One array of windows, uint8 (n, length), for each of `constructs`. All arrays contain the same n sequences. The letters
                are not checked; see `score_letters`.
            batch_size: Number of sequences scored at a time.
            progress: Called with the number of scored sequences, after each batch or after each thread's part of a batch.

        Returns:
            float32 (n, predicted columns).

        Raises:
            InputError: `batch_size` is below 1.
            ModelError: ONNX Runtime could not score a batch.
        """

    @property
    def predicted_columns(self) -> tuple[str, ...]:
        """Names of the columns that `score_windows` returns.

        The names of the tasks come first, followed by the names of the standard deviations if there are any.
        """
        return self.tasks + tuple(f"{task}_sd" for task in self.tasks if self.has_spread)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that `pipeline.score_records` writes, which are `predicted_columns` and the columns of `add_columns`."""
        return self.predicted_columns

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """For each column of numeric codes, the texts that the codes represent, by column name.

        Code 0 is the first text, code 1 the second text, and so on.
        """
        return {}

    def text_codes(self, sequences: Ragged) -> np.ndarray:
        """Returns the codes of the columns in `texts` for n sequences that fit the model, uint8 (n, texts)."""
        return np.zeros((len(sequences), len(self.texts)), np.uint8)

    def add_columns(self, values: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Returns all `columns`, float32 (n, columns), from the results of `score_windows` and `text_codes` for the same n sequences."""
        return values

    @property
    def calibration(self) -> Mapping[str, Any]:
        """Calibration of the model; see `ModelDescription`."""
        return {}

    @property
    def construct(self) -> Construct:
        """The construct by which sequences are converted to windows, for scorers with a single construct.

        Raises:
            ModelError: Members of an ensemble have different constructs.
        """
        if len(self.constructs) > 1:
            names = ", ".join(f"{construct.name!r} of {construct.length} letters" for construct in self.constructs)
            raise ModelError(f"The models have different constructs: {names}. Give sequences, which each model cuts into its own windows.")
        return self.constructs[0]

    def predict(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """Predicts the expression of n sequences, float32 (n, tasks). An ensemble returns the mean of its members' predictions.

        Args:
            sequences: Strings in upper or lower case, with both adapters or without adapters. Each sequence is
                converted to a window by the model's construct.
            batch_size: Number of sequences scored at a time.

        Raises:
            InputError: A sequence is not a string or does not fit the construct. The message gives the index of the sequence, counted
                from 0.
        """
        return self.predict_spread(sequences, batch_size).mean

    def predict_spread(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> Spread:
        """Returns the predictions of `predict` and, if the scorer is an ensemble, the standard deviations over the members."""
        if isinstance(sequences, str | bytes):
            raise InputError(f"Expected a list of sequences, got a single {type(sequences).__name__}. Pass [sequence].")
        values = [np.empty((0, len(self.predicted_columns)), np.float32)]
        values.extend(self.score_windows(windows, batch_size) for windows in self._cut(sequences))
        columns, tasks = np.concatenate(values), len(self.tasks)
        return Spread(columns[:, :tasks], columns[:, tasks : 2 * tasks] if self.has_spread else None)

    def score_letters(self, letters: np.ndarray, batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """Predicts the expression of n windows, float32 (n, tasks). An ensemble returns the mean of its members' predictions.

        Args:
            letters: Windows of the construct as ASCII codes of DNA letters, uint8 (n, length).
            batch_size: Number of windows scored at a time.
            progress: Called after each batch with the number of windows in the batch.

        Raises:
            InputError: The array has the wrong type or shape, a character is not a DNA letter, or `batch_size` is below 1.
            ModelError: ONNX Runtime could not score a batch, or members of an ensemble have different constructs.
        """
        check_letters(letters, self.construct.length)
        return self.score_windows([letters], batch_size, progress)[:, : len(self.tasks)]

    def _cut(self, sequences: Iterable[str]) -> Iterator[list[np.ndarray]]:
        """Cuts `STRINGS_AT_ONCE` sequences at a time, and yields one array of windows for each construct."""
        remaining, first = iter(sequences), 0
        while texts := list(itertools.islice(remaining, STRINGS_AT_ONCE)):
            for index, text in enumerate(texts, first):
                if not isinstance(text, str):
                    raise InputError(f"Expected sequences to be strings, got {type(text).__name__} at index {index}.")
            packed = Ragged.from_strings(texts)
            windows = []
            for construct in self.constructs:
                cut, problems = construct.fit(packed)
                if problems:
                    index = min(problems)
                    raise InputError(f"{problems[index]} in the sequence at index {first + index}.")
                windows.append(cut)
            yield windows
            first += len(texts)


class Wrapped(Scorer):
    """Base class of scorers that wrap another scorer. Properties delegate to the wrapped scorer; subclasses define `score_windows`.

    Args:
        scorer: The wrapped scorer.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    @property
    def name(self) -> str:
        """Name of the wrapped scorer."""
        return self.scorer.name

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """Constructs of the wrapped scorer."""
        return self.scorer.constructs

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks of the wrapped scorer."""
        return self.scorer.tasks

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the wrapped scorer."""
        return self.scorer.units

    @property
    def has_spread(self) -> bool:
        """Whether the predictions of the wrapped scorer have standard deviations."""
        return self.scorer.has_spread

    @property
    def calibration(self) -> Mapping[str, Any]:
        """Calibration of the wrapped scorer."""
        return self.scorer.calibration


def check_batch_size(batch_size: int) -> None:
    """Checks that a batch size is at least 1.

    Raises:
        InputError: The batch size is below 1.
    """
    if batch_size < 1:
        raise InputError(f"Expected a batch_size of at least 1, got {batch_size}.")


def check_letters(letters: np.ndarray, length: int) -> None:
    """Checks that an array holds ASCII codes of DNA letters, uint8 (n, length).

    Raises:
        InputError: The array has the wrong type or shape, or contains a character that is not a DNA letter.
    """
    if not isinstance(letters, np.ndarray) or letters.dtype != np.uint8 or letters.ndim != 2 or letters.shape[1] != length:
        came = f"{letters.dtype} {letters.shape}" if isinstance(letters, np.ndarray) else type(letters).__name__
        raise InputError(f"Expected letters as a uint8 array (n, {length}), got {came}; `predict` takes strings.")
    legal = IS_LETTER[letters]
    if not legal.all():  # without this check, token ids from 0 to 3 would be read as N
        row, column = np.argwhere(~legal)[0]
        raise InputError(f"Expected ASCII codes of DNA letters, got {letters[row, column]} at row {row}, column {column}.")
