"""Mutants: all single changes of some inserts, as windows for models of any constructs. Asks no model."""

from collections.abc import Mapping, Sequence

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.sequence.alphabet import BASES, ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["CHANGES", "Mutants", "common_inserts", "fit_problems", "real_changes", "require_fit"]

CHANGES = (*BASES, "-")
"""Changes of a letter: to each base, or deletion."""

DELETION = len(BASES)

_CODES = np.frombuffer("".join(CHANGES).encode(), np.uint8)


def real_changes(letters: np.ndarray, changes: int) -> np.ndarray:
    """bool (letters, changes): which of the first so many `CHANGES` make another letter of each.

    Example:
        >>> real_changes(np.frombuffer(b"cN", np.uint8), 4).tolist()
        [[True, False, True, True], [True, True, True, True]]
    """
    others = np.ones((len(letters), changes), bool)
    others[:, :DELETION] = ONE_HOT[letters] != 1
    return others


class Mutants:
    """All single changes of the inserts of some sequences, as windows.

    Adapters stay as they are. A letter that stands for several bases, such as N, becomes each of the four.

    Args:
        sequences: n sequences that fit.
        constructs: How they become windows; one array of windows each.
        deletions: Whether each letter is left out, too.

    Attributes:
        inserts: The n inserts.
        originals: For each construct uint8 (n, length), the windows of the sequences as they stand.

    Raises:
        ModelError: The constructs do not agree which letters are the inserts.
    """

    def __init__(self, sequences: Ragged, constructs: Sequence[Construct], *, deletions: bool = False) -> None:
        starts, lengths = common_inserts(sequences, constructs)
        self.constructs = constructs
        # Bare, so that a mutant which happens to begin as an adapter does is an insert all the same.
        self.inserts = sequences.cut(starts, lengths)
        self.originals = [construct.surround(self.inserts) for construct in constructs]
        self._owner = self.inserts.owners()
        others = real_changes(self.inserts.flat, len(CHANGES) if deletions else DELETION)
        self._shape = others.shape
        self._place, self._change = np.nonzero(others)

    def __len__(self) -> int:
        return len(self._place)

    def windows(self, first: int, last: int) -> list[np.ndarray]:
        """For each construct uint8 (last - first, length): so many of the mutants, by letter and then by change."""
        place, change = self._place[first:last], self._change[first:last]
        rows = self._owner[place]
        position = place - self.inserts.offsets[rows]
        deleted = np.flatnonzero(change == DELETION)
        shorter = self._without(rows[deleted], position[deleted]) if len(deleted) else None
        made = []
        for construct, originals in zip(self.constructs, self.originals, strict=True):
            windows = originals[rows]
            windows[np.arange(len(rows)), construct.first_columns(self.inserts.lengths)[rows] + position] = _CODES[change]
            if shorter:
                windows[deleted] = construct.surround(shorter)
            made.append(windows)
        return made

    def _without(self, rows: np.ndarray, position: np.ndarray) -> Ragged:
        """Inserts, each without one letter."""
        mutants = self.inserts.select(rows)
        return Ragged.from_lengths(np.delete(mutants.flat, mutants.offsets[:-1] + position), mutants.lengths - 1)

    def effects(self, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mutants' predictions as `Mutagenesis.effects`.

        Args:
            reference: float32 (n, ...), predictions of the sequences.
            values: float32 (mutants, ...), predictions of all mutants.
        """
        effects = np.zeros((*self._shape, *reference.shape[1:]), np.float32)
        effects[self._place, self._change] = values - reference[self._owner[self._place]]
        return effects


def common_inserts(sequences: Ragged, constructs: Sequence[Construct]) -> tuple[np.ndarray, np.ndarray]:
    """int64 (n,) each: the positions in `sequences.flat` where the inserts begin by all of the constructs, and their letters.

    Raises:
        ModelError: The constructs do not agree.
    """
    found = [construct.find_inserts(sequences)[:2] for construct in constructs]
    if not all(np.array_equal(one, other) for inserts in found for one, other in zip(inserts, found[0], strict=True)):
        names = " and ".join(construct.name for construct in constructs)
        raise ModelError(f"Expected models that agree where the inserts are, got those of constructs {names}.")
    return found[0]


def fit_problems(records: Records, constructs: Sequence[Construct]) -> dict[int, str]:
    """Why records do not fit one of the constructs, by their index."""
    found: dict[int, str] = {}
    for construct in constructs:
        found = {**construct.problems(records.sequences), **found}
    return found


def require_fit(records: Records, problems: Mapping[int, str]) -> None:
    """Refuses records that have a problem.

    Raises:
        InputError: One has; the message names it.
    """
    if problems:
        index = min(problems)
        raise InputError(f"{problems[index]} in {records.origin(index)}.")
