"""Scorer: one model or several that score sequences, and the spread of their predictions.

Knows nothing about ONNX: a scorer turns windows into columns of numbers, here strings become windows.
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
"""Windows scored at one time, by all threads together. DREAM-CNN is as fast with 16 as with 256 on 2 CPUs, and takes 4 MB each."""

STRINGS_AT_ONCE = 8192

Progress = Callable[[int], None]
"""Is told after each batch how many sequences it had."""


class Spread(NamedTuple):
    """Predictions, and how far the members of an ensemble are apart.

    Args:
        mean: float32 (n, tasks).
        sd: float32 (n, tasks), the standard deviation of the members with one degree of freedom less than members:
            they are a sample of the models that training could have given. None where there is only one model.
    """

    mean: np.ndarray
    sd: np.ndarray | None


class Scorer(abc.ABC):
    """A model or an ensemble that takes sequences and returns expression."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """For messages."""

    @property
    @abc.abstractmethod
    def constructs(self) -> tuple[Construct, ...]:
        """The different constructs that sequences are cut into; one, unless an ensemble's members differ in it."""

    @property
    @abc.abstractmethod
    def tasks(self) -> tuple[str, ...]:
        """One name a column of the predictions."""

    @property
    @abc.abstractmethod
    def units(self) -> tuple[str, ...]:
        """The unit of each task."""

    @property
    @abc.abstractmethod
    def has_spread(self) -> bool:
        """Whether it knows standard deviations."""

    @property
    def members(self) -> tuple["Scorer", ...]:
        """The models of an ensemble. Any other scorer, also one around an ensemble or an ensemble in one file, is its own member."""
        return (self,)

    @abc.abstractmethod
    def score_windows(self, windows: Sequence[np.ndarray], batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """All that is known of some sequences.

        Args:
            windows: For each of `constructs` uint8 (n, length), the same n sequences cut into it. They are not checked;
                `score_letters` checks.
            batch_size: Sequences scored at once.
            progress: Told after each batch, or each thread's part of one, how many sequences it had.

        Returns:
            float32 (n, columns).

        Raises:
            InputError: `batch_size` is below 1.
            ModelError: ONNX Runtime could not score a batch.
        """

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what `score_windows` returns: the tasks, then the standard deviation of each where there is one."""
        return self.tasks + tuple(f"{task}_sd" for task in self.tasks if self.has_spread)

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Of columns whose numbers stand for texts, the text of each number from 0 on."""
        return {}

    @property
    def calibration(self) -> Mapping[str, Any]:
        """Its calibration; see `ModelDescription`."""
        return {}

    @property
    def construct(self) -> Construct:
        """How sequences become windows, where there is one way.

        Raises:
            ModelError: Members of an ensemble have different constructs.
        """
        if len(self.constructs) > 1:
            names = ", ".join(f"{construct.name!r} of {construct.length} letters" for construct in self.constructs)
            raise ModelError(f"Expected models of one construct, got {names}: give sequences, which each model cuts for itself.")
        return self.constructs[0]

    def predict(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """float32 (n, tasks): the expression of n sequences, each cut into the model's construct; of an ensemble, the mean.

        Sequences are strings, in any case, with both adapters or with neither.

        Raises:
            InputError: A sequence is no string or does not fit the construct; the message gives its index, from 0.
        """
        return self.predict_spread(sequences, batch_size).mean

    def predict_spread(self, sequences: Iterable[str], batch_size: int = BATCH_SIZE) -> Spread:
        """As `predict`, with the standard deviation of an ensemble's members."""
        if isinstance(sequences, str | bytes):
            raise InputError(f"Expected a list of sequences, got one {type(sequences).__name__}: pass [sequence].")
        values = [np.empty((0, len(self.columns)), np.float32)]
        values.extend(self.score_windows(windows, batch_size) for windows in self._cut(sequences))
        columns, tasks = np.concatenate(values), len(self.tasks)
        return Spread(columns[:, :tasks], columns[:, tasks : 2 * tasks] if self.has_spread else None)

    def score_letters(self, letters: np.ndarray, batch_size: int = BATCH_SIZE, progress: Progress | None = None) -> np.ndarray:
        """float32 (n, tasks): the expression of windows, uint8 (n, length), ASCII codes of DNA letters; of an ensemble, the mean.

        Raises:
            InputError: The array has another type, shape or letters, or `batch_size` is below 1.
            ModelError: ONNX Runtime could not score a batch, or members of an ensemble have different constructs.
        """
        check_letters(letters, self.construct.length)
        return self.score_windows([letters], batch_size, progress)[:, : len(self.tasks)]

    def _cut(self, sequences: Iterable[str]) -> Iterator[list[np.ndarray]]:
        """The windows of so many sequences at once, one array a construct."""
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
    """A scorer around another, which it is like unless it says otherwise; what it answers is its own matter.

    Args:
        scorer: The other.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    @property
    def name(self) -> str:
        """The other's."""
        return self.scorer.name

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """Likewise."""
        return self.scorer.constructs

    @property
    def tasks(self) -> tuple[str, ...]:
        """Likewise."""
        return self.scorer.tasks

    @property
    def units(self) -> tuple[str, ...]:
        """Likewise."""
        return self.scorer.units

    @property
    def has_spread(self) -> bool:
        """Likewise."""
        return self.scorer.has_spread

    @property
    def calibration(self) -> Mapping[str, Any]:
        """Likewise."""
        return self.scorer.calibration


def check_batch_size(batch_size: int) -> None:
    """Refuses batches of nothing.

    Raises:
        InputError: The size is below 1.
    """
    if batch_size < 1:
        raise InputError(f"Expected a batch_size of at least 1, got {batch_size}.")


def check_letters(letters: np.ndarray, length: int) -> None:
    """Refuses an array that is not uint8 (n, length) of ASCII codes of DNA letters.

    Raises:
        InputError: It has another type, shape or letters.
    """
    if not isinstance(letters, np.ndarray) or letters.dtype != np.uint8 or letters.ndim != 2 or letters.shape[1] != length:
        came = f"{letters.dtype} {letters.shape}" if isinstance(letters, np.ndarray) else type(letters).__name__
        raise InputError(f"Expected letters as a uint8 array (n, {length}), got {came}; `predict` takes strings.")
    legal = IS_LETTER[letters]
    if not legal.all():  # token ids 0 to 3 would pass for N everywhere
        row, column = np.argwhere(~legal)[0]
        raise InputError(f"Expected ASCII codes of DNA letters, got {letters[row, column]} at row {row}, column {column}.")
