"""Saturation mutagenesis: what every single change of an insert does to its prediction.

Every different mutant is asked for once, and each sequence as it stands once. Knows nothing about files.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.distinct import distinct_rows, window_keys
from dreamkeras.scoring.scorer import BATCH_SIZE, Progress, Scorer
from dreamkeras.sequence.alphabet import BASES, IS_BASE, ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["CHANGES", "Mutagenesis", "Mutants", "mutagenesis"]

CHANGES = (*BASES, "-")
"""What a letter may become: each base, or nothing."""

DELETION = len(BASES)

AT_ONCE = 8192
"""Mutants that are windows at the same time."""

_CODES = np.frombuffer(BASES.encode(), np.uint8)


class Mutagenesis(NamedTuple):
    """The effects of all single changes of some inserts.

    Args:
        ids: n names.
        inserts: The n inserts, letters as given.
        reference: float32 (n, tasks), predictions of the sequences as they stand.
        effects: float32 (letters of all inserts, 4 or 5, tasks), the mutant's prediction minus the reference, in the order of
            `inserts.flat` and `CHANGES`; 0 where a letter would become itself. The fifth, deletions, only where asked for.
    """

    ids: list[str]
    inserts: Ragged
    reference: np.ndarray
    effects: np.ndarray

    def importance(self) -> np.ndarray:
        """float32 (letters of all inserts, tasks): how much is lost, on average, where a letter becomes one of the other bases."""
        others = 4 - IS_BASE[self.inserts.flat]
        return -self.effects[:, :4].sum(axis=1) / others[:, None]


class Mutants:
    """All single changes of the inserts of some sequences, as windows.

    Adapters stay as they are. A letter that stands for several bases, such as N, becomes each of the four.

    Args:
        sequences: n sequences that fit.
        constructs: How they become windows; one array of windows each.
        deletions: Whether each letter is left out, too.

    Raises:
        InputError: A sequence without one letter would not fit its construct.
        ModelError: The constructs do not agree which letters are the inserts.
    """

    def __init__(self, sequences: Ragged, constructs: Sequence[Construct], *, deletions: bool = False) -> None:
        starts, lengths = _common_inserts(sequences, constructs)
        if deletions and len(lengths):
            _check_room(int(lengths.min()), constructs)
        self.sequences, self.constructs = sequences, constructs
        places = Ragged.from_lengths(np.empty(int(lengths.sum()), np.uint8), lengths)
        self._owner = np.repeat(np.arange(len(sequences)), lengths)
        self._position = np.arange(len(places.flat)) + np.repeat(starts - places.offsets[:-1], lengths)
        self.inserts = Ragged(sequences.flat[self._position], places.offsets)
        becomes = np.ones((len(places.flat), len(CHANGES) if deletions else DELETION), bool)
        becomes[:, :DELETION] = ONE_HOT[self.inserts.flat] != 1
        self._shape = becomes.shape
        self._place, self._change = np.nonzero(becomes)

    def __len__(self) -> int:
        return len(self._place)

    def windows(self, first: int, last: int) -> list[np.ndarray]:
        """For each construct uint8 (last - first, length): so many of the mutants, by letter and then by change."""
        place, change = self._place[first:last], self._change[first:last]
        rows = self._owner[place]
        mutants = self.sequences.select(rows)
        target = mutants.offsets[:-1] + self._position[place] - self.sequences.offsets[rows]
        replaced, deleted = change != DELETION, change == DELETION
        mutants.flat[target[replaced]] = _CODES[change[replaced]]
        if deleted.any():
            mutants = Ragged.from_lengths(np.delete(mutants.flat, target[deleted]), mutants.lengths - deleted)
        return [construct.windows(mutants) for construct in self.constructs]

    def effects(self, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mutants' predictions as `Mutagenesis.effects`.

        Args:
            reference: float32 (n, tasks), predictions of the sequences.
            values: float32 (mutants, tasks), predictions of all mutants.
        """
        effects = np.zeros((*self._shape, reference.shape[1]), np.float32)
        effects[self._place, self._change] = values - reference[self._owner[self._place]]
        return effects


def mutagenesis(
    records: Records, predictor: Scorer, *, deletions: bool = False, batch_size: int = BATCH_SIZE, progress: Progress | None = None
) -> Mutagenesis:
    """The effects of all single changes of some sequences' inserts.

    Args:
        records: n named sequences.
        predictor: The model; of an ensemble the mean counts.
        deletions: Whether each letter is left out, too.
        batch_size: Windows scored at once.
        progress: Told after each batch how many windows it had.

    Raises:
        InputError: A sequence does not fit the model, or not without one letter; the message names it.
        ModelError: Members of an ensemble do not agree which letters are the inserts.

    Example:
        >>> from dreamkeras.scoring.predictor import load
        >>> records = Records(["a"], Ragged.from_strings(["ACGTTGCA" * 10]), np.array([1]), "a.txt")
        >>> mutagenesis(records, load()).effects.shape
        (80, 4, 1)
    """
    ask = _asker(predictor, batch_size, progress)
    reference = ask([construct.cut(records) for construct in predictor.constructs])
    mutants = Mutants(records.sequences, predictor.constructs, deletions=deletions)
    values = [np.empty((0, len(predictor.tasks)), np.float32), *map(ask, _batches(mutants))]
    return Mutagenesis(records.ids, mutants.inserts, reference, mutants.effects(reference, np.concatenate(values)))


def _asker(predictor: Scorer, batch_size: int, progress: Progress | None) -> Callable[[list[np.ndarray]], np.ndarray]:
    def ask(windows: list[np.ndarray]) -> np.ndarray:
        found = distinct_rows(windows, window_keys(windows))
        first, places = found or (slice(None), slice(None))
        return predictor.score_windows([letters[first] for letters in windows], batch_size, progress)[places, : len(predictor.tasks)]

    return ask


def _batches(mutants: Mutants) -> Iterator[list[np.ndarray]]:
    for first in range(0, len(mutants), AT_ONCE):
        yield mutants.windows(first, first + AT_ONCE)


def _common_inserts(sequences: Ragged, constructs: Sequence[Construct]) -> tuple[np.ndarray, np.ndarray]:
    found = [construct.inserts(sequences) for construct in constructs]
    if not all(np.array_equal(one, other) for inserts in found for one, other in zip(inserts, found[0], strict=True)):
        names = " and ".join(construct.name for construct in constructs)
        raise ModelError(f"Expected models that agree where the inserts are, got those of constructs {names}.")
    return found[0]


def _check_room(shortest: int, constructs: Sequence[Construct]) -> None:
    for construct in constructs:
        if shortest <= construct.shortest:
            raise InputError(
                f"Expected at least {construct.shortest + 1} bases for deletions in construct {construct.name!r}, got {shortest}."
            )
