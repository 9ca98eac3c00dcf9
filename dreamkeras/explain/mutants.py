"""Creates the windows of all single-letter mutants of inserts, for models of any construct. The mutants are not scored by this module."""

from collections.abc import Mapping, Sequence

import numpy as np

from dreamkeras.errors import InputError, ModelError
from dreamkeras.explain.parts import Parts, Span, span_problems
from dreamkeras.sequence.alphabet import BASES, ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

__all__ = ["CHANGES", "Mutants", "common_inserts", "fit_problems", "real_changes", "require_fit"]

CHANGES = (*BASES, "-")
"""Possible changes of a letter: substitution by each base, and deletion."""

DELETION = len(BASES)

_CODES = np.frombuffer("".join(CHANGES).encode(), np.uint8)


def real_changes(letters: np.ndarray, changes: int) -> np.ndarray:
    """Returns whether each of the first `changes` entries of `CHANGES` alters each letter, bool (letters, changes).

    Example:
        >>> real_changes(np.frombuffer(b"cN", np.uint8), 4).tolist()
        [[True, False, True, True], [True, True, True, True]]
    """
    others = np.ones((len(letters), changes), bool)
    others[:, :DELETION] = ONE_HOT[letters] != 1
    return others


class Mutants:
    """All single-letter mutants of the inserts of sequences, as windows.

    Adapters are not mutated. An ambiguity code, such as N, is replaced by each of the four bases.

    Args:
        sequences: n sequences that fit all constructs.
        constructs: Constructs of the models. An array of windows is created for each construct.
        deletions: Whether to include mutants with a letter deleted.
        parts: Parts of the inserts that are mutated. If None, the complete inserts are mutated.

    Attributes:
        inserts: The n inserts.
        mutated: The mutated parts of the n inserts.
        originals: Windows of the unchanged sequences, uint8 (n, length) for each construct.

    Raises:
        ModelError: The constructs find different inserts in a sequence.
    """

    def __init__(self, sequences: Ragged, constructs: Sequence[Construct], *, deletions: bool = False, parts: Parts | None = None) -> None:
        starts, lengths = common_inserts(sequences, constructs)
        self.constructs = constructs
        # Adapters are removed first, so that a mutant that begins like an adapter is still treated as an insert.
        self.inserts = sequences.cut(starts, lengths)
        self.originals = [construct.surround(self.inserts) for construct in constructs]
        self._owner = self.inserts.owners()
        self.mutated = parts.cut(self.inserts) if parts else self.inserts
        letters = np.flatnonzero(parts.contain(self.inserts)) if parts else np.arange(len(self.inserts.flat))
        others = real_changes(self.mutated.flat, len(CHANGES) if deletions else DELETION)
        self._shape = others.shape
        self._row, self._change = np.nonzero(others)
        self._place = letters[self._row]

    def __len__(self) -> int:
        return len(self._place)

    def windows(self, first: int, last: int) -> list[np.ndarray]:
        """Returns the windows of mutants `first` to `last`, uint8 (last - first, length) for each construct.

        Mutants are ordered by letter and then by change.
        """
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
        """Returns inserts with one letter deleted from each."""
        mutants = self.inserts.select(rows)
        return Ragged.from_lengths(np.delete(mutants.flat, mutants.offsets[:-1] + position), mutants.lengths - 1)

    def effects(self, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Converts predictions for mutants to `Mutagenesis.effects`.

        Args:
            reference: Predictions for the unchanged sequences, float32 (n, ...).
            values: Predictions for all mutants, float32 (mutants, ...).
        """
        effects = np.zeros((*self._shape, *reference.shape[1:]), np.float32)
        effects[self._row, self._change] = values - reference[self._owner[self._place]]
        return effects


def common_inserts(sequences: Ragged, constructs: Sequence[Construct]) -> tuple[np.ndarray, np.ndarray]:
    """Finds the inserts of sequences, which must be the same for all constructs.

    Returns:
        Two arrays int64 (n,): the starts of the inserts within `sequences.flat`, and the lengths of the inserts.

    Raises:
        ModelError: The constructs find different inserts in a sequence.
    """
    found = [construct.find_inserts(sequences)[:2] for construct in constructs]
    if not all(np.array_equal(one, other) for inserts in found for one, other in zip(inserts, found[0], strict=True)):
        names = " and ".join(construct.name for construct in constructs)
        raise ModelError(f"Models of the constructs {names} find different inserts in a sequence, so they cannot be used together.")
    return found[0]


def fit_problems(records: Records, constructs: Sequence[Construct], span: Span | None = None) -> dict[int, str]:
    """Returns messages for the records that do not fit every construct or do not contain the span, by index of the record."""
    found: dict[int, str] = {}
    for construct in constructs:
        found = {**construct.problems(records.sequences), **found}
    return {**span_problems(records, constructs, span), **found}


def require_fit(records: Records, problems: Mapping[int, str]) -> None:
    """Raises an error for the first record with a problem, if any.

    Raises:
        InputError: At least one record has a problem. The message names the first such record.
    """
    if problems:
        index = min(problems)
        raise InputError(f"{problems[index]} in {records.origin(index)}.")
